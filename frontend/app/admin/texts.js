// Every text of the administration page, in English and Korean, side by side. `{name}` is filled in.

export const ADMIN_TEXTS = {
  title: { en: "Prompt Canvas – administration", ko: "Prompt Canvas 관리" },
  lead: {
    en: "Bring earlier tickets and articles in, so that the sidebar knows them.",
    ko: "이전 티켓과 솔루션 문서를 가져와 사이드바에서 활용하세요.",
  },
  loading: { en: "Loading…", ko: "불러오는 중…" },
  retry: { en: "Try again", ko: "다시 시도" },

  // Why not
  problem_agent: { en: "This page is for admins", ko: "관리자 전용 페이지입니다" },
  advice_agent: {
    en: "Your role in Freshdesk is no admin's. Ask an admin to bring earlier tickets in.",
    ko: "Freshdesk에서 관리자 역할이 없습니다. 이전 티켓을 가져오려면 관리자에게 요청하세요.",
  },
  problem_key: { en: "The app's API key is no admin's", ko: "앱에 저장된 API 키가 관리자의 키가 아닙니다" },
  advice_key: {
    en: "The server starts a backfill for an admin's key alone. Open the app's settings (Admin → Apps) and enter an admin's key.",
    ko: "서버는 관리자의 키로만 가져오기를 시작합니다. 앱 설정(관리자 → 앱)에서 관리자의 API 키를 입력하세요.",
  },
  problem_unauthorized: { en: "The server does not accept the app's key", ko: "서버가 앱의 키를 받아들이지 않습니다" },
  advice_unauthorized: {
    en: "Open the app's settings (Admin → Apps) and check the domain and the API key.",
    ko: "앱 설정(관리자 → 앱)에서 도메인과 API 키를 확인하세요.",
  },
  problem_limited: { en: "Too many requests at the moment", ko: "요청이 너무 많습니다" },
  advice_limited: { en: "Try again in about {seconds} s.", ko: "약 {seconds}초 뒤에 다시 시도하세요." },
  problem_network: { en: "No connection to Prompt Canvas", ko: "Prompt Canvas에 연결할 수 없습니다" },
  advice_network: {
    en: "A backfill that was started goes on without this page. It is tried again by itself.",
    ko: "이미 시작한 가져오기는 이 페이지 없이도 계속됩니다. 자동으로 다시 시도합니다.",
  },
  problem_platform: { en: "Freshdesk does not answer the app", ko: "Freshdesk가 앱에 응답하지 않습니다" },
  advice_platform: { en: "Reload the page.", ko: "페이지를 새로 고치세요." },
  problem_settings: { en: "The app is not set up", ko: "앱 설정이 끝나지 않았습니다" },
  advice_settings: {
    en: "Open the app's settings (Admin → Apps) and enter the address of Prompt Canvas.",
    ko: "앱 설정(관리자 → 앱)에서 Prompt Canvas 서버 주소를 입력하세요.",
  },
  problem_other: { en: "This did not work", ko: "처리하지 못했습니다" },
  advice_other: { en: "The server said: {title}", ko: "서버 응답: {title}" },

  // The backfill that goes on, or the last one
  now: { en: "Backfill", ko: "가져오기" },
  none: { en: "None has been started yet.", ko: "아직 시작한 가져오기가 없습니다." },
  state_queued: { en: "Queued", ko: "대기 중" },
  state_listing: { en: "Listing tickets", ko: "티켓 목록 확인 중" },
  state_indexing: { en: "Reading and indexing", ko: "티켓을 읽고 색인하는 중" },
  state_computing: { en: "Computing", ko: "내용을 만드는 중" },
  state_paused: { en: "Paused", ko: "일시 중지됨" },
  state_cancelled: { en: "Cancelled", ko: "취소됨" },
  state_done: { en: "Done", ko: "완료" },
  state_failed: { en: "Failed", ko: "실패" },
  state_over_budget: { en: "Stopped at its budget", ko: "예산 한도에서 중지됨" },
  noWorker: {
    en:
      "No worker is at it. It goes on by itself as soon as one reads the backfill queue (`canvas up`, or " +
      "`canvas worker --queue backfill`).",
    ko: "처리 중인 작업자가 없습니다. backfill 대기열을 읽는 작업자가 시작되면(`canvas up` 또는 `canvas worker --queue backfill`) 자동으로 이어집니다.",
  },
  failedWhy: {
    en: "It stopped: {error}. Start it again with the same choices to go on where it stopped.",
    ko: "중단되었습니다: {error}. 같은 조건으로 다시 시작하면 멈춘 곳부터 이어집니다.",
  },
  overBudget: {
    en: "What was done is kept. Start it again with a new budget to go on where it stopped.",
    ko: "처리한 내용은 그대로 남습니다. 새 예산으로 다시 시작하면 멈춘 곳부터 이어집니다.",
  },
  reading: { en: "Read and indexed", ko: "읽기와 색인" },
  computing: { en: "Computed", ko: "내용 만들기" },
  of: { en: "{done} of {all}", ko: "{all}건 중 {done}건" },
  settled: { en: "Tickets done", ko: "처리한 티켓" },
  failures: { en: "Failed", ko: "실패" },
  pace: { en: "Pace", ko: "속도" },
  paceValue: { en: "{count} tickets/s", ko: "초당 {count}건" },
  left: { en: "Time left", ko: "남은 시간" },
  calls: { en: "Freshdesk calls", ko: "Freshdesk 호출" },
  callsValue: { en: "{count} of {limit} a minute", ko: "분당 {count}회 / {limit}회" },
  callsOpen: { en: "{count} a minute", ko: "분당 {count}회" },
  tokens: { en: "Tokens", ko: "토큰" },
  cost: { en: "Cost", ko: "비용" },
  articles: { en: "Articles", ko: "솔루션 문서" },
  current: { en: "Up to date before", ko: "이미 최신" },
  waiting: { en: "To be tried again", ko: "재시도 대기" },
  began: { en: "Started", ko: "시작" },
  ended: { en: "Ended", ko: "종료" },
  unknown: { en: "–", ko: "–" },
  seconds: { en: "{count} s", ko: "{count}초" },
  minutes: { en: "{count} min", ko: "{count}분" },
  hours: { en: "{hours} h {minutes} min", ko: "{hours}시간 {minutes}분" },
  pause: { en: "Pause", ko: "일시 중지" },
  resume: { en: "Resume", ko: "계속" },
  cancel: { en: "Cancel", ko: "취소" },
  cancelSure: { en: "Cancel it for good", ko: "정말 취소" },
  cancelHint: {
    en: "What was brought in stays. Press once more to cancel.",
    ko: "이미 가져온 내용은 남습니다. 취소하려면 한 번 더 누르세요.",
  },
  live: { en: "Updated live", ko: "실시간으로 갱신" },
  polled: { en: "Updated every {seconds} s", ko: "{seconds}초마다 갱신" },
  reconnecting: { en: "Connection lost – trying again", ko: "연결이 끊겨 다시 시도하는 중" },

  // Starting one
  start: { en: "Start a backfill", ko: "가져오기 시작" },
  startHint: {
    en:
      "Tickets that are up to date are skipped, so starting again costs little. For the price beforehand, run on the server: " +
      "canvas backfill {domain} --dry-run",
    ko: "이미 최신인 항목은 건너뛰므로 다시 시작해도 비용이 거의 들지 않습니다. 서버에서 비용을 미리 확인하려면: canvas backfill {domain} --dry-run",
  },
  what: { en: "What", ko: "대상" },
  type_tickets: { en: "Tickets", ko: "티켓" },
  type_solutions: { en: "Solution articles", ko: "솔루션 문서" },
  since: { en: "Changed since", ko: "변경 시작일" },
  until: { en: "Changed before", ko: "변경 종료일(해당일 제외)" },
  rangeHint: { en: "For tickets only. Leave empty for no limit.", ko: "티켓에만 적용됩니다. 비워 두면 제한하지 않습니다." },
  budget: { en: "Stop at a cost of (USD)", ko: "비용 한도(USD)" },
  budgetHint: { en: "Leave empty for no limit.", ko: "비워 두면 제한하지 않습니다." },
  more: { en: "More", ko: "추가 옵션" },
  reindex: { en: "Read and index again what is up to date", ko: "이미 최신인 항목도 다시 읽고 색인" },
  refresh: { en: "Write texts again too", ko: "요약과 답변도 다시 작성" },
  batch: {
    en: "Ask for texts by the provider's batch interface (half the price, within a day)",
    ko: "제공사의 배치 인터페이스로 작성(비용 절반, 최대 하루)",
  },
  begin: { en: "Start", ko: "시작" },
  oneAtATime: {
    en: "One backfill goes on at a time. Wait for its end, or cancel it.",
    ko: "가져오기는 한 번에 하나만 진행됩니다. 끝날 때까지 기다리거나 취소하세요.",
  },
  typesNone: { en: "Choose at least one.", ko: "하나 이상 선택하세요." },
  rangeOrder: { en: "The end has to be after the start.", ko: "종료일은 시작일보다 뒤여야 합니다." },
  budgetForm: { en: "Enter an amount such as 25 or 2.50.", ko: "25 또는 2.50과 같은 금액을 입력하세요." },
  started: { en: "The backfill has been started.", ko: "가져오기를 시작했습니다." },

  // Settings
  settings: { en: "Settings for texts", ko: "문구 설정" },
  settingsSame: { en: "The server has what the app's settings say.", ko: "서버 설정이 앱 설정과 같습니다." },
  settingsOther: {
    en: "The server has other values than the app's settings.",
    ko: "서버 설정이 앱 설정과 다릅니다.",
  },
  setting: { en: "Setting", ko: "설정" },
  inApp: { en: "In the app", ko: "앱" },
  onServer: { en: "On the server", ko: "서버" },
  apply: { en: "Send to the server", ko: "서버에 적용" },
  applied: { en: "Sent. It takes effect with the next change of each ticket.", ko: "적용했습니다. 각 티켓이 다음에 변경될 때부터 반영됩니다." },
  set_language: { en: "Language", ko: "언어" },
  set_tone: { en: "Tone of replies", ko: "답변의 어조" },
  set_forbidden_phrases: { en: "Forbidden phrases", ko: "금지 문구" },
  set_similar_days: { en: "Search period (days)", ko: "검색 기간(일)" },
  byDefault: { en: "default", ko: "기본값" },

  // Earlier ones
  earlier: { en: "Earlier backfills", ko: "이전 가져오기" },
  earlierNone: { en: "None yet that was watched from here.", ko: "이 페이지에서 확인한 기록이 아직 없습니다." },
  col_state: { en: "State", ko: "상태" },
};
