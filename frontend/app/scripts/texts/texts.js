// Every text of the sidebar, in English and Korean, side by side. `{name}` is filled in. What is said where something is
// wrong stands in texts_problems.js.

import { PROBLEM_TEXTS } from "./texts_problems.js";

export const TEXTS = {
  // What happened, in the status line
  opening: { en: "Opening…", ko: "여는 중…" },
  hit: { en: "At once, in {ms}", ko: "바로 표시, {ms}" },
  updated: { en: "Updated at once, in {ms}", ko: "바로 갱신, {ms}" },
  refreshing: { en: "At once, in {ms} — refreshing", ko: "바로 표시, {ms} — 새로 고치는 중" },
  refreshed: { en: "Refreshed in {ms}", ko: "{ms} 만에 새로 고침" },
  noTicket: { en: "No ticket is open", ko: "열린 티켓이 없습니다" },
  polling: {
    en: "Being prepared — looking again shortly",
    ko: "준비하는 중입니다. 잠시 후 다시 확인합니다",
  },
  waiting: { en: "Nothing stored yet — being prepared", ko: "저장된 내용이 없어 준비하는 중" },
  queued: { en: "Waiting for its turn…", ko: "순서를 기다리는 중…" },
  no_worker: {
    en: "The server has paused — this goes on by itself",
    ko: "서버 작업이 멈춰 있습니다. 다시 시작되면 바로 이어집니다",
  },
  streamed: { en: "Prepared in {ms}", ko: "{ms} 만에 준비" },
  changed: { en: "The ticket has changed — looking again", ko: "티켓이 바뀌어 다시 확인하는 중" },
  behind: { en: "From before the ticket's last change", ko: "티켓의 마지막 변경이 반영되지 않은 내용" },
  cut: { en: "Connection lost — trying again", ko: "연결이 끊겨 다시 시도하는 중" },
  retrying: { en: "{title} — trying again", ko: "{title} — 다시 시도하는 중" },
  made_age: { en: "made {age}", ko: "{age} 갱신" },
  covers: { en: "messages up to {time}", ko: "{time} 메시지까지 반영" },
  newer: { en: "{count} newer not in it yet", ko: "새 변경 {count}건 미반영" },
  justNow: { en: "just now", ko: "방금" },

  // Stages, as they run
  stage_fetch: { en: "Reading the ticket", ko: "티켓 읽기" },
  stage_clean: { en: "Cleaning the thread", ko: "대화 정리" },
  stage_embed: { en: "Finding its meaning", ko: "의미 파악" },
  stage_similar: { en: "Finding similar tickets", ko: "비슷한 티켓 찾기" },
  stage_summarize: { en: "Summarizing", ko: "요약" },
  stage_recommend: { en: "Recommending replies", ko: "답변 추천" },
  progress: { en: "Progress of the run", ko: "진행 상황" },

  // Parts
  summary: { en: "Summary", ko: "요약" },
  problem: { en: "Problem", ko: "문제" },
  tried: { en: "Tried so far", ko: "시도한 것" },
  next_step: { en: "Next step", ko: "다음 단계" },
  similar: { en: "Similar tickets", ko: "비슷한 티켓" },
  solutions: { en: "Solution articles", ko: "솔루션 문서" },
  replies: { en: "Replies", ko: "추천 답변" },
  noSummary: { en: "There is nothing to summarize.", ko: "요약할 내용이 없습니다." },
  noneLeft: { en: "No ticket is left with this filter.", ko: "이 조건에 맞는 티켓이 없습니다." },
  filter: { en: "Show", ko: "보기" },
  filter_all: { en: "All", ko: "전체" },
  filter_solved: { en: "Solved", ko: "해결된 티켓" },
  filter_open: { en: "Unsolved", ko: "미해결" },
  filter_same_language: { en: "Same language", ko: "같은 언어" },
  filterWords: { en: "Search these tickets", ko: "비슷한 티켓에서 검색" },
  filterLeft: { en: "{count} of {all} tickets", ko: "티켓 {all}건 중 {count}건" },
  filterReset: { en: "Show all again", ko: "모두 다시 보기" },
  solvedBy: { en: "How it was solved", ko: "해결 방법" },
  noSimilar: { en: "No similar tickets yet.", ko: "아직 비슷한 티켓이 없습니다." },
  noSolutions: { en: "No article answers this.", ko: "맞는 문서가 없습니다." },
  noReplies: { en: "No reply to recommend.", ko: "추천할 답변이 없습니다." },
  noReplies_answered: {
    en: "Answered: the customer has not written since.",
    ko: "이미 답변했고, 그 뒤로 고객이 쓴 글이 없습니다.",
  },
  noReplies_no_ground: {
    en: "No reply: no similar ticket or article says how to answer.",
    ko: "답변의 근거가 될 비슷한 티켓이나 문서가 없어 추천하지 않습니다.",
  },
  noReplies_withheld: {
    en: "No reply: what was written broke your rules for replies.",
    ko: "작성된 답변이 답변 규칙에 어긋나 추천하지 않습니다.",
  },
  incident: { en: "{count} tickets about this since {time}", ko: "{time}부터 같은 내용의 티켓 {count}건" },
  incidentMore: { en: "and {count} more", ko: "외 {count}건" },
  alikeCount: { en: "{count} tickets like this", ko: "같은 내용 {count}건" },
  sharedTerms: { en: "In both:", ko: "공통:" },
  alikeInMeaning: { en: "alike in meaning", ko: "의미가 비슷함" },
  otherLanguage: { en: "other language", ko: "다른 언어" },
  cited: { en: "linked in {count} similar {count:answer|answers}", ko: "비슷한 답변 {count}건에서 링크" },
  partFailed: { en: "This part could not be made.", ko: "이 부분은 만들지 못했습니다." },
  because: { en: "This part could not be made: {reason}.", ko: "이 부분은 만들지 못했습니다. 원인: {reason}." },
  because_busy: { en: "the model is busy", ko: "모델 요청이 많음" },
  because_slow: { en: "it took too long", ko: "시간 초과" },
  because_line: { en: "a service can't be reached", ko: "서비스에 연결할 수 없음" },
  because_spent: { en: "the tokens allowed are used up", ko: "토큰 사용 한도 초과" },
  because_refused: { en: "the model declined", ko: "모델이 작성을 거부함" },
  best: { en: "Best match", ko: "가장 비슷함" },
  bestFirst: {
    en: "Best first: by words and meaning in common, whether it was answered, and its age",
    ko: "공통 단어와 의미, 답변 여부, 작성 시기를 함께 따져 가장 비슷한 티켓부터 보여 줍니다",
  },
  agentsOnly: { en: "agents only", ko: "상담원 전용" },
  ticket_Open: { en: "Open", ko: "열림" },
  ticket_Pending: { en: "Pending", ko: "보류 중" },
  ticket_Resolved: { en: "Resolved", ko: "해결됨" },
  ticket_Closed: { en: "Closed", ko: "종료됨" },
  "ticket_Waiting on Customer": { en: "Waiting on Customer", ko: "고객 응답 대기" },
  "ticket_Waiting on Third Party": { en: "Waiting on Third Party", ko: "제3자 응답 대기" },
  replyNumber: { en: "Reply {number}", ko: "답변 {number}" },
  sources: { en: "From", ko: "출처" },
  source_ticket: { en: "Ticket #{id}", ko: "티켓 #{id}" },
  source_article: { en: "Article {id}", ko: "문서 {id}" },
  source_canned: { en: "Canned response {id}", ko: "준비된 답변 {id}" },
  source_agent: { en: "your own words", ko: "직접 쓴 내용" },
  sentiment_positive: { en: "Content", ko: "만족" },
  sentiment_neutral: { en: "Neutral", ko: "보통" },
  sentiment_negative: { en: "Unhappy", ko: "불만" },
  sentiment_urgent: { en: "Urgent", ko: "긴급" },
  tone_friendly: { en: "Friendly", ko: "친근하게" },
  tone_formal: { en: "Formal", ko: "정중하게" },
  tone_brief: { en: "Brief", ko: "간결하게" },
  in_tone_friendly: { en: "Friendly tone", ko: "친근한 말투" },
  in_tone_formal: { en: "Formal tone", ko: "정중한 말투" },
  in_tone_brief: { en: "Brief", ko: "간결한 말투" },

  // Actions
  insert: { en: "Insert", ko: "답변란에 넣기" },
  inserted: { en: "Inserted", ko: "넣었습니다" },
  copy: { en: "Copy", ko: "복사" },
  copied: { en: "Copied", ko: "복사했습니다" },
  notAllowed: { en: "Not possible here", ko: "여기서는 할 수 없습니다" },
  showAll: { en: "Show all", ko: "모두 보기" },
  showLess: { en: "Show less", ko: "접기" },
  retry: { en: "Try again", ko: "다시 시도" },
  insertLink: { en: "Insert link", ko: "링크 넣기" },
  insertText: { en: "Insert text", ko: "내용 넣기" },
  edit: { en: "Edit", ko: "수정" },
  editReply: { en: "Your version of this reply", ko: "답변 수정" },
  done: { en: "Done", ko: "완료" },
  undo: { en: "Undo changes", ko: "되돌리기" },
  stop: { en: "Stop", ko: "중지" },
  close: { en: "Close the answer", ko: "답변 닫기" },
  wide: { en: "Open in a wide view", ko: "넓게 보기" },
  insertHint: {
    en: "Freshdesk opens its reply editor with this text; it is not sent.",
    ko: "Freshdesk 답변 편집기에 이 내용을 넣습니다. 보내지는 않습니다.",
  },
  editHint: { en: "Esc: done", ko: "Esc: 완료" },

  // Replies on demand
  writeAnew: { en: "Write it differently", ko: "다르게 작성하기" },
  writeOne: { en: "Have a reply written", ko: "답변 작성 요청하기" },
  thisReply: { en: "This reply", ko: "이 답변" },
  replace: { en: "Replace the draft", ko: "작성 중인 답변 바꾸기" },
  shorter: { en: "Shorter", ko: "더 짧게" },
  regenerate: { en: "Write anew", ko: "다시 작성" },
  tone: { en: "Tone", ko: "말투" },
  language: { en: "Language", ko: "언어" },
  in_customer: { en: "The customer's", ko: "고객의 언어" },
  in_ko: { en: "Korean", ko: "한국어" },
  in_en: { en: "English", ko: "영어" },
  wishes: { en: "What should it say? (optional)", ko: "어떤 내용을 담을까요? (선택)" },
  write: { en: "Write", ko: "작성" },
  wish_shorter: {
    en: "Make it shorter: keep only what the customer has to do or to know.",
    ko: "더 짧게 줄여 주세요. 고객이 하거나 알아야 할 내용만 남겨 주세요.",
  },
  writing: { en: "Writing…", ko: "작성하는 중…" },
  edited: { en: "edited", ko: "수정함" },
  ownReply: { en: "written on request", ko: "요청으로 작성" },
  fallback: { en: "no model could write this", ko: "모델 없이 작성" },
  replyReady: { en: "A new reply is ready.", ko: "새 답변이 준비되었습니다." },

  // Questions
  ask: { en: "Ask about tickets and articles", ko: "티켓과 문서에 질문하기" },
  question: { en: "Ask a question…", ko: "무엇이든 질문하세요…" },
  askNow: { en: "Ask", ko: "질문" },
  searchIn: { en: "Search in", ko: "검색 대상" },
  type_tickets: { en: "Tickets", ko: "티켓" },
  type_solutions: { en: "Articles", ko: "문서" },
  type_images: { en: "Images", ko: "이미지" },
  type_attachments: { en: "Files", ko: "파일" },
  kind_ticket: { en: "Ticket", ko: "티켓" },
  kind_article: { en: "Article", ko: "문서" },
  kind_image: { en: "Image", ko: "이미지" },
  kind_attachment: { en: "File", ko: "파일" },
  searching: { en: "Searching…", ko: "찾는 중…" },
  sourcesFound: { en: "{count} {count:source|sources} found, writing the answer…", ko: "출처 {count}건을 찾아 답변을 쓰는 중…" },
  askHint: { en: "Enter: ask, Shift+Enter: new line", ko: "Enter: 질문, Shift+Enter: 줄 바꿈" },
  answerReady: { en: "The answer is ready.", ko: "답변이 준비되었습니다." },
  answerSources: { en: "Sources of the answer", ko: "답변의 출처" },
  answerDegraded: {
    en: "No model could write this: these are sentences of the sources.",
    ko: "모델이 작성하지 못하여 출처의 문장을 그대로 보여 드립니다.",
  },
  citation: { en: "Source {number}: {title}", ko: "출처 {number}: {title}" },

  // Feedback
  thumb_up: { en: "This helped", ko: "도움이 되었습니다" },
  thumb_down: { en: "This did not help", ko: "도움이 되지 않았습니다" },
  whyDown: { en: "What was wrong?", ko: "어떤 점이 아쉬웠나요?" },
  reason_wrong: { en: "Wrong", ko: "틀린 내용" },
  reason_outdated: { en: "Outdated", ko: "오래된 내용" },
  reason_irrelevant: { en: "Off the point", ko: "관련 없음" },
  reason_incomplete: { en: "Incomplete", ko: "내용 부족" },
  reason_tone: { en: "Tone", ko: "말투" },
  reason_language: { en: "Language", ko: "언어" },
  reason_unsafe: { en: "Unsafe", ko: "부적절함" },
  reason_other: { en: "Something else", ko: "기타" },

  // Honesty
  status_partial: { en: "incomplete", ko: "일부 누락" },
  why_partial: { en: "A part could not be made.", ko: "일부 내용을 만들지 못했습니다." },
  status_degraded: { en: "fallback", ko: "대체 모델" },
  why_degraded: {
    en: "The preferred model failed; another one wrote this.",
    ko: "우선 모델이 실패하여 다른 모델이 작성했습니다.",
  },
  extractive: { en: "extracted", ko: "발췌" },
  extractiveSummary: {
    en: "Taken from the ticket, not written by a model",
    ko: "모델이 쓴 글이 아니라 티켓에서 뽑은 문장입니다",
  },
  extractiveReplies: {
    en: "Sent by agents on similar tickets, not written by a model",
    ko: "모델이 쓴 글이 아니라 비슷한 티켓에서 상담원이 보낸 답변입니다",
  },
  made: { en: "How this was made", ko: "생성 과정" },
  model_summary: { en: "Summary", ko: "요약" },
  model_replies: { en: "Replies", ko: "답변" },
  model_embedding: { en: "Search", ko: "검색" },
  modelExtractive: { en: "extractive, no model", ko: "발췌 (모델 없음)" },
  tokens: { en: "Tokens", ko: "토큰" },
  tokensValue: { en: "{input} in, {output} out", ko: "입력 {input}, 출력 {output}" },
  cost: { en: "Cost", ko: "비용" },
  stages: { en: "Stages", ko: "단계" },
  ...PROBLEM_TEXTS,
};

/**
 * `t(key, values)` in one language; an unknown key shows itself, so that it is noticed. `{count}` is a value, and
 * `{count:ticket|tickets}` the word that goes with one, or with any other number.
 */
export function translator(language, table = TEXTS) {
  return (key, values = {}) => {
    const text = table[key]?.[language] ?? table[key]?.en ?? key;
    const word = (all, name, one, more) => (one === undefined ? (values[name] ?? all) : values[name] === 1 ? one : more);
    return text.replace(/\{(\w+)(?::([^|}]*)\|([^}]*))?\}/g, word);
  };
}

/** "ko" where the browser prefers Korean, else "en". */
export function preferredLanguage(languages = navigator.languages) {
  const known = languages.map((tag) => tag.slice(0, 2).toLowerCase()).find((tag) => ["ko", "en"].includes(tag));
  return known ?? "en";
}

/** A duration: `12 ms`, `1.4 s`. */
export function duration(ms) {
  if (ms < 1) return "<1 ms";
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

const UNITS = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
  ["second", 1000],
];

/** How long ago: "40s ago", "3분 전", and `justNow` below a second. */
export function age(ms, language, justNow) {
  const [unit, size] = UNITS.find(([, length]) => ms >= length) ?? [];
  if (!unit) return justNow;
  return new Intl.RelativeTimeFormat(language, { style: "narrow" }).format(-Math.floor(ms / size), unit);
}
