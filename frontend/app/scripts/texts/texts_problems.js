// What the sidebar says where something is wrong: what it is, and what to do. In English and Korean, side by side.

export const PROBLEM_TEXTS = {
  // Problems: what is wrong, and what to do
  problem_missing: { en: "There is no such ticket", ko: "이 티켓을 찾을 수 없습니다" },
  advice_missing: {
    en: "It may have been removed, or your account can't see it.",
    ko: "삭제되었거나 이 계정으로는 볼 수 없는 티켓입니다.",
  },
  problem_deleted: { en: "This ticket was deleted", ko: "삭제된 티켓입니다" },
  advice_deleted: {
    en: "Restore it from Freshdesk's trash, and this comes back.",
    ko: "Freshdesk 휴지통에서 복원하면 다시 표시됩니다.",
  },
  problem_spam: { en: "This ticket is marked as spam", ko: "스팸으로 표시된 티켓입니다" },
  advice_spam: {
    en: "Spam is not read. Mark it as no spam if that is wrong.",
    ko: "스팸은 읽지 않습니다. 잘못 분류되었다면 스팸을 해제하세요.",
  },
  problem_unauthorized: { en: "Prompt Canvas does not know you", ko: "인증되지 않았습니다" },
  advice_unauthorized: {
    en: "An admin should check the domain and the API key in the app's settings.",
    ko: "관리자가 앱 설정에서 도메인과 API 키를 확인해야 합니다.",
  },
  problem_unavailable: { en: "Not available at the moment", ko: "지금은 사용할 수 없습니다" },
  advice_unavailable: {
    en: "It is tried again by itself. You can go on working on the ticket.",
    ko: "자동으로 다시 시도합니다. 티켓 업무는 계속하실 수 있습니다.",
  },
  problem_freshdesk: { en: "Freshdesk does not answer", ko: "Freshdesk가 응답하지 않습니다" },
  problem_none: { en: "No ticket is open", ko: "열린 티켓이 없습니다" },
  advice_none: {
    en: "Open one, and its summary and replies appear here.",
    ko: "티켓을 열면 요약과 추천 답변이 여기에 표시됩니다.",
  },
  problem_forbidden: { en: "You may not see this", ko: "볼 수 있는 권한이 없습니다" },
  advice_forbidden: {
    en: "Ask an admin of your Freshdesk account.",
    ko: "Freshdesk 계정 관리자에게 문의하세요.",
  },
  problem_limited: { en: "Too many requests at the moment", ko: "요청이 너무 많습니다" },
  advice_limited: {
    en: "It goes on by itself as soon as the limit allows.",
    ko: "제한이 풀리는 대로 자동으로 이어집니다.",
  },
  problem_offline: { en: "You are offline", ko: "인터넷에 연결되어 있지 않습니다" },
  advice_offline: {
    en: "It goes on by itself as soon as you are back.",
    ko: "연결되면 자동으로 이어집니다.",
  },
  problem_blocked: {
    en: "The browser may not reach Prompt Canvas",
    ko: "브라우저에서 Prompt Canvas에 접근할 수 없습니다",
  },
  advice_blocked: {
    en: "An admin has to allow this page's address in the server's settings.",
    ko: "관리자가 서버 설정에서 이 페이지의 주소를 허용해야 합니다.",
  },
  problem_network: { en: "No connection to Prompt Canvas", ko: "Prompt Canvas에 연결할 수 없습니다" },
  advice_network: {
    en: "It is tried again by itself. If it stays so, tell an admin that the server can't be reached.",
    ko: "자동으로 다시 시도합니다. 계속되면 관리자에게 서버 연결을 확인해 달라고 하세요.",
  },
  problem_platform: { en: "Freshdesk does not answer the app", ko: "Freshdesk가 앱에 응답하지 않습니다" },
  advice_platform: {
    en: "Try again, or reload the page. If it stays so, an admin should check the app's settings.",
    ko: "다시 시도하거나 페이지를 새로 고치세요. 계속되면 관리자에게 앱 설정을 확인해 달라고 하세요.",
  },
  problem_settings: { en: "The app is not set up", ko: "앱 설정이 끝나지 않았습니다" },
  advice_settings: {
    en: "An admin has to enter the address of Prompt Canvas in the app's settings.",
    ko: "관리자가 앱 설정에서 Prompt Canvas 서버 주소를 입력해야 합니다.",
  },
  problem_other: { en: "This did not work", ko: "처리하지 못했습니다" },
  advice_other: { en: "The server said: {title}", ko: "서버 응답: {title}" },
  problem_late: { en: "This takes too long", ko: "시간이 너무 오래 걸립니다" },
  advice_late: { en: "Try again in a moment.", ko: "잠시 후 다시 시도하세요." },
  countdown: { en: "Next try in {seconds} s", ko: "{seconds}초 뒤 다시 시도" },
  tryingNow: { en: "Trying again…", ko: "다시 시도하는 중…" },
  roundabout: { en: "via Freshdesk", ko: "Freshdesk 경유" },
  roundaboutWhy: {
    en: "The browser may not reach Prompt Canvas itself, so Freshdesk asks for it: results come whole, a little later.",
    ko: "브라우저가 Prompt Canvas에 직접 접근할 수 없어 Freshdesk를 통해 가져옵니다. 결과가 완성된 뒤 조금 늦게 표시됩니다.",
  },
};
