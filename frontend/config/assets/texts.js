// Every text of the install page, in English and Korean, side by side. `{name}` is filled in.

export const TEXTS = {
  title: { en: "Prompt Canvas settings", ko: "Prompt Canvas 설정" },
  lead: {
    en: "Prompt Canvas prepares a summary, similar tickets, solutions and replies for each ticket before an agent opens it.",
    ko: "Prompt Canvas는 상담원이 티켓을 열기 전에 요약, 비슷한 티켓, 솔루션 문서, 답변을 미리 준비합니다.",
  },

  // Connection
  connection: { en: "Connection", ko: "연결" },
  backend: { en: "Prompt Canvas server", ko: "Prompt Canvas 서버" },
  backendHint: {
    en: "The host name alone, reachable by HTTPS from the internet.",
    ko: "인터넷에서 HTTPS로 접속할 수 있는 호스트 이름만 입력하세요.",
  },
  backendScheme: { en: "Leave out “https://”: enter the host name alone.", ko: "“https://” 없이 호스트 이름만 입력하세요." },
  backendPath: { en: "Leave out “/” and what follows it.", ko: "“/”와 그 뒤의 내용은 빼고 입력하세요." },
  backendPort: {
    en: "Leave out the port: Freshdesk reaches servers by HTTPS on 443.",
    ko: "포트는 빼고 입력하세요. Freshdesk는 443 포트의 HTTPS로 접속합니다.",
  },
  backendAddress: {
    en: "An IP address can't be used: enter a host name.",
    ko: "IP 주소는 사용할 수 없습니다. 호스트 이름을 입력하세요.",
  },
  backendNoHost: {
    en: "A host name looks like canvas.example.com.",
    ko: "호스트 이름은 canvas.example.com과 같은 형식입니다.",
  },
  domain: { en: "Freshdesk domain", ko: "Freshdesk 도메인" },
  domainHint: {
    en: "The one that ends in .freshdesk.com, even if agents use an address of your own.",
    ko: "자체 도메인을 사용하더라도 .freshdesk.com으로 끝나는 도메인을 입력하세요.",
  },
  domainForm: {
    en: "A Freshdesk domain looks like yourcompany.freshdesk.com.",
    ko: "Freshdesk 도메인은 yourcompany.freshdesk.com과 같은 형식입니다.",
  },
  key: { en: "API key", ko: "API 키" },
  keyHint: {
    en:
      "Of an agent who may see what the users of this app may see; an admin's, to bring in earlier tickets. It " +
      "is stored encrypted and never reaches the browser of an agent.",
    ko: "앱 사용자가 볼 수 있는 범위와 같은 권한을 가진 상담원의 키를 입력하세요. 이전 티켓을 가져오려면 관리자의 키가 필요합니다. 키는 암호화되어 저장되며 상담원의 브라우저로 전달되지 않습니다.",
  },
  keyKept: { en: "Stored. Leave empty to keep it.", ko: "저장되어 있습니다. 그대로 두려면 비워 두세요." },
  keyAgain: { en: "Enter the API key again.", ko: "API 키를 다시 입력하세요." },
  keyForm: { en: "An API key has no spaces and at least 8 characters.", ko: "API 키는 공백 없이 8자 이상이어야 합니다." },
  empty: { en: "This is required.", ko: "필수 항목입니다." },

  // The check
  check: { en: "Check the connection", ko: "연결 확인" },
  checking: { en: "Checking the connection…", ko: "연결을 확인하는 중입니다…" },
  checkFirst: {
    en: "The connection is being checked. Then press the button below once more.",
    ko: "연결을 확인하고 있습니다. 확인이 끝나면 아래 버튼을 다시 누르세요.",
  },
  ok: {
    en:
      "Connected to {domain}. This is an admin's key: an agent who knows a browser's tools could use it by way of the " +
      "app, to start backfills and to change the settings below.",
    ko: "{domain} 계정에 연결되었습니다. 관리자의 키이므로, 브라우저 개발자 도구를 다룰 줄 아는 상담원이 앱을 통해 이전 티켓을 가져오거나 아래 설정을 바꿀 수 있습니다.",
  },
  okNoAdmin: {
    en:
      "Connected to {domain}. This key is no admin's: the sidebar works, but earlier tickets can't be brought " +
      "in and the texts' settings below can't be changed with it.",
    ko: "{domain} 계정에 연결되었습니다. 관리자의 키가 아니므로 사이드바는 사용할 수 있지만, 이전 티켓을 가져오거나 아래의 문구 설정을 바꿀 수는 없습니다.",
  },
  refused: {
    en:
      "The server does not accept this domain and key. Check the key; and whether the account is connected on " +
      "the server (`canvas tenant add {domain}`).",
    ko: "서버가 이 도메인과 키를 받아들이지 않았습니다. 키가 올바른지, 그리고 서버에 계정이 연결되어 있는지(`canvas tenant add {domain}`) 확인하세요.",
  },
  otherAccount: { en: "This key belongs to another Freshdesk account.", ko: "다른 Freshdesk 계정의 키입니다." },
  limited: { en: "Too many attempts. Wait a minute, then check again.", ko: "시도가 너무 많습니다. 1분 뒤에 다시 확인하세요." },
  freshdesk: {
    en: "The server answers, but Freshdesk does not answer the server at the moment: {says}",
    ko: "서버는 응답하지만, 지금 Freshdesk가 서버에 응답하지 않습니다: {says}",
  },
  notCanvas: {
    en: "Something answers at {backend}, but it is not Prompt Canvas. Check the host name.",
    ko: "{backend}에서 응답이 왔지만 Prompt Canvas가 아닙니다. 호스트 이름을 확인하세요.",
  },
  network: {
    en: "Nothing answers at {backend}. Check that the server is running, and that it can be reached by HTTPS from the internet.",
    ko: "{backend}에서 응답이 없습니다. 서버가 실행 중인지, 인터넷에서 HTTPS로 접속할 수 있는지 확인하세요.",
  },
  unknown: {
    en: "The connection can't be checked from this page: the request was blocked, or nothing answers at {backend}.",
    ko: "이 페이지에서는 연결을 확인할 수 없습니다. 요청이 차단되었거나 {backend}에서 응답이 없습니다.",
  },
  anyway: { en: "Save without a check", ko: "확인하지 않고 저장" },

  // Texts
  texts: { en: "Texts", ko: "문구" },
  textsHint: {
    en: "They take effect with the next change of each ticket.",
    ko: "각 티켓이 다음에 변경될 때부터 적용됩니다.",
  },
  language: { en: "Language", ko: "언어" },
  language_auto: { en: "By agent and ticket", ko: "상담원과 티켓에 맞춤" },
  tone: { en: "Tone of replies", ko: "답변의 어조" },
  tone_none: { en: "As fits", ko: "상황에 맞게" },
  tone_friendly: { en: "Friendly", ko: "친근하게" },
  tone_formal: { en: "Formal", ko: "정중하게" },
  tone_brief: { en: "Brief", ko: "간결하게" },
  days: { en: "Search period (days)", ko: "검색 기간(일)" },
  daysHint: { en: "How old similar tickets may be. Empty: of any age.", ko: "비슷한 티켓을 찾을 기간입니다. 비워 두면 전체 기간에서 찾습니다." },
  daysForm: { en: "Enter 1 to 36500 days, or nothing.", ko: "1에서 36500 사이의 일수를 입력하거나 비워 두세요." },
  phrases: { en: "Forbidden phrases", ko: "금지 문구" },
  phrasesHint: { en: "Replies never hold them. One a line.", ko: "답변에 쓰지 않을 문구를 한 줄에 하나씩 입력하세요." },
  phrasesMany: { en: "At most 100 phrases.", ko: "문구는 최대 100개까지 입력할 수 있습니다." },
  phrasesLong: { en: "A phrase has at most 200 characters.", ko: "문구는 200자 이하여야 합니다." },
  show: { en: "Shown in the sidebar", ko: "사이드바에 표시할 항목" },
  show_summary: { en: "Summary", ko: "요약" },
  show_similar: { en: "Similar tickets", ko: "비슷한 티켓" },
  show_solutions: { en: "Solution articles", ko: "솔루션 문서" },
  show_replies: { en: "Recommended replies", ko: "추천 답변" },
  show_ask: { en: "Question box", ko: "질문 상자" },
  showNone: { en: "Choose at least one.", ko: "하나 이상 선택하세요." },
};

/** `t(key, values)` in one language. */
export function translator(language) {
  return (key, values = {}) => TEXTS[key][language].replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);
}
