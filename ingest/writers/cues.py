r"""Words by which a sentence of a support thread shows what it is there for, in Korean and in English.

Each cue is one pattern over both languages, since threads mix them. They were drawn from reading a forum's tickets
(English) and the demo's (Korean). None of them decides alone, `salience` weighs them. In English a cue is whole words;
in Korean it is a stem, since what follows it is inflection.
"""

import re

from ingest.writers.privacy import SURNAME


def _cue(english: str, korean: str = "", also: str = "") -> re.Pattern[str]:
    """A pattern of English words, Korean stems and anything else, each given as alternatives."""
    parts = [rf"\b(?:{english})\b", korean, also]
    return re.compile("(?i)" + "|".join(part for part in parts if part))


NOT = "n['’]?t| not"
TROUBLE = _cue(
    rf"can(?:['’]?t| ?not)|(?:could|does|do|did|is|are|was)(?:{NOT})|won['’]?t|will not|unable|fail\w*|errors?|crash\w*"
    r"|broken?|missing|lost|lose|disappear\w*|gone|stuck|freez\w+|frozen|hang\w*|slow\w*|wrong\w*|no longer"
    r"|not (?:work|show|receiv|able|send|open|sync|load)\w*|problems?|issues?|bugs?|never|stopped|reject\w*|denied"
    r"|refus\w*|blank|empty|duplicat\w*|corrupt\w*|invalid",
    r"안\s?[되돼됩된됨보나났들뜨떠뜹열켜켰받와왔옵오바눌맞가감먹움울온]|못\s?[하해받찾했합가쓰봤들]|없[어습네는음다고었]"
    r"|않[아습네는음고았다]|오류|에러|실패|문제|불가|불량|멈[춰추췄]|끊[겨기겼어]|느[려리]|사라[졌져지]|깨[졌져지]|잘못"
    r"|누락|지연|고장|튕[겨기]|먹통|이상하|빠[졌져]|틀[려리렸]|파손|분실|오배송|미수령|중복|다른\s?[게거것색사]"
    r"|아직도|여전히|그대로|다시\s?\S{0,5}(?:켜지|꺼지|나타나|돌아)",
)
QUESTION = re.compile(
    r"(?i)[?？]|^(?:so |and |but )?(?:(?:how|what|why|where|when) (?:do|does|did|is|are|can|could|should|would|will|to)"
    r"|is there|can i|does|do i|any (?:idea|help|suggestion|advice))\b"
    r"|[나을할될까은는가]\s?[까요]+[.~]*$|궁금|어떻게|인가요|는지[요]?[.]*$|건가요|되나요"
)
REQUEST = _cue(
    r"please|i(?:['’]d| would)? (?:like|need|want|wish)|could you|can you|would you|looking for|help me|need help",
    r"(?:해|알려|보내|처리|확인|취소|변경|바꿔|환불|답)\s?(?:해\s?)?(?:주세요|주십시오|줘요|주시|주실|줄)"
    r"|바랍니다|부탁|요청합|싶[어은습]|원합니다",
)
TRIED = _cue(
    r"i already|tried|tested|attempted|re-?install\w*|re-?start\w*|reboot\w*|uninstall\w*|disabled|turned off"
    r"|re-?entered|cleared|deleted|removed|re-?created"
    r"|i(?:['’]ve| have) (?:already|also|been|checked|updated|changed|followed)|no (?:luck|success|change|joy)"
    r"|to no avail|still (?:the same|not|no|doesn|can|won|get|have)"
    rf"|did(?:{NOT}) (?:work|help|fix|change|solve)",
    r"[해눌켜꺼봐써바꿔와워려러]\s?[봤보았](?:는데|지만|으나|고|습니다|어요|는대|더니)?|재부팅|재설치|재시작|재로그인"
    r"|다시\s?(?:깔|설치|로그인|시도|해도|시작)|껐다|초기화|시도했|해도\s?(?:안|똑|같|여전|그대로|계속)"
    r"|도\s?(?:마찬가지|똑같|동일)|다 (?:봤|해봤|확인)|지웠다",
)
STEP = re.compile(
    r"(?i)(?:^|[,;:] )"
    r"(?:please |then |and |or |so |just |also |simply |first,? |next,? |to [^,]{3,40}, "
    r"|you (?:can|could|need to|should|must|have to|may) )*"
    r"(?:try|go|click|check|open|select|set|disable|enable|remove|add|install|update|restart|start|use|change|delete"
    r"|create|make sure|run|see|right-click|press|copy|export|import|uncheck|choose|look|move|close|turn|sign|log"
    r"|download|enter|type)\b"
    r"|\byou (?:can|could|need|should|must|have to|might)\b|\bi (?:suggest|recommend|would)\b|\bworkaround\b"
    r"|\bthe (?:fix|solution)\b"
    r"|(?:하|시|보|누르|켜|끄|넣|바꾸|고르|쓰|열)(?:시면|세요|십시오|시기 바랍)"
    r"|[해러아어워와려켜꺼]\s?주(?:세요|십시오|시면|시기)|[으]?면 됩니다|\S > \S"
)
DONE = _cue(
    r"fixed|solved|resolved|refunded|replaced|shipped|sent you|cancell?ed|restored|extended|reset|released|corrected"
    r"|(?:we|i)(?:['’]ve| have) (?!not|no\b)\w+ed",
    r"(?:처리|완료|접수|승인|출고|환불|교환|재발송|발송|취소|연장|해제|수정|복구|등록|변경|전달|요청|반영|발급|송금|적용|확정"
    r"|초기화|회수|면제|조치|교체|배포)(?:을|를|이|가)?\s?(?:했|하였|되었|됐|해\s?드렸|드렸|마쳤|완료)"
    r"|(?:두었|드렸|고쳤|바꾸었|바꿨|보냈|남겼|풀었|올렸|옮겼|늘렸|열었|껐|켰|지웠)(?:습니다|고|으며|으니)",
)
PROMISE = _cue(
    r"(?:we|i)(?:['’]ll| will|['’]m going to| am going to)|get back to you|looking into",
    r"겠습니다|예정입니다|예정이|기로 했습니다|확인 ?중|검토 ?중|조사 ?중|알려 ?드릴",
)
INTENDS = _cue(
    r"i(?:['’]ll| will|(?:['’]m| am) (?:now |still |just )?(?:going to|doing|testing|trying|running|waiting for))",
    r"겠습니다|예정입니다|[할볼릴낼]게요|(?:답|회신|연락)이 올 것",
)
"""A customer says what they will do, so that the next word is theirs."""
ASKED_BACK = _cue(
    r"please|could you|can you|would you|let (?:me|us) know|send (?:me|us)|tell (?:me|us)|post|provide|attach|share"
    r"|need more info",
    r"고르실|골라\s?주|선택해\s?주|어느 쪽(?!이든)"
    r"|(?:알려|보내|회신|확인해|답장|첨부해|말씀해|캡처해)\s?(?:해\s?)?(?:주세요|주시(?:겠|면|기)|주십시오)",
)
CONFIRMED = _cue(
    r"work(?:s|ing) (?:now|fine|again|well|great|perfectly|like)|it works|(?:that|this|it|which) worked|solved|fixed"
    r"|resolved|sorted|figured|got it|that did it|received|perfect",
    r"[잘됩됐되]\s?(?:됩니다|됐습니다|돼요|되네요|됐어요|되요)|해결|받았|들어왔|왔어요|찾았|확인했|확인됐|확인되|수령",
)
SPECIFIC = re.compile(
    r"\b0x[0-9A-Fa-f]{4,}\b|\b[A-Z]{1,6}[-_]\d{2,5}\b|\b[A-Z]{2,}(?:_[A-Z]+)+\b|(?i:\berror (?:code )?\d+)"
    r"|\b[45]\d\d (?=[A-Z])|[\"“'‘][^\"”'’\n]{3,80}[\"”'’]|\bv?\d+\.\d+(?:\.\d+)*\b"
)
"""Error codes, constants, HTTP statuses, quoted words of a screen, versions."""

CONDITION = re.compile(
    r"(?i)^(?:if|unless|in case|should you|by the way|also|fyi|note)\b"
    r"|^(?:만약|혹시|참고로|또한)|(?:[으않하되]면|경우(?:에는|엔)?),? "
)
POINTER = re.compile(
    r"(?i):$|^(?:아래|다음|위)(?:의|와|과|에| )|^이렇게|아래 순서|아래처럼|이렇게 (?:풀|하)"
    r"|\b(?:below|following|as follows|these steps)\b"
)
"""Sentences that only lead to what follows them."""
HEDGE = re.compile(
    r"(?i)^(?:i(?:['’]m| am) not sure|i (?:think|guess|assume|suppose|wonder)|maybe|perhaps)\b|것 같[아은습]|모르겠"
)
ATTACHED = _cue(r"attach\w*|screen ?(?:shot|grab)s?|see (?:the )?(?:picture|image)", r"첨부|캡처|스크린샷")
HELP = re.compile(
    r"(?i)^(?:so |and |please,? )?(?:can|could|would|will|is there) (?:any(?:one|body)|you|someone)\b.{0,25}\bhelp"
    r"|\bany(?:one)? (?:ideas?|idea what)\b|^any ideas?\b|^is there (?:a|any) (?:solution|fix|answer)\b.{0,20}$"
    r"|hoping (?:that )?(?:some|any)(?:one|body)|^help\b|please (?:help|advise)|what(?:['’]s| is) going on"
    r"|^(?:so |and )?how (?:do|can|could|should) (?:i|we) (?:fix|solve|resolve|stop) (?:this|it|that)"
    r"|^what (?:can|should|do) (?:i|we) do\b|도와\s?주|^.{0,10}(?:어떻게 (?:해야|하면|하나요)|어쩌[나죠])"
)
"""Calls for help that do not say with what."""
WARNING = _cue(
    rf"do(?:{NOT})|never|must not|careful|confirmed|approved|escalat\w+|waiting for|pending|root cause|because"
    r"|known issue",
    r"하지 ?말|금지|말 것|주의|확정|승인|대기|원인|확인됨|확인 중|검토|이슈|때문|불가",
)

GREETING = re.compile(
    r"(?i)^(?:(?:[가-힣\w ]{1,20}(?:님|고객님)[,! ]+)?"
    r"(?:안녕하(?:세요|십니까|신가요)|반갑습니다|수고(?:하십니다| ?많으십니다|하세요))(?:[,.!~^? ]|(?=[가-힣]))*"
    r"|(?:hi|hello|hey|dear|good (?:morning|afternoon|evening|day)|greetings)\b"
    r"(?: (?:there|all|everyone|team|folks|sir|madam))*(?:(?: (?-i:[A-Z][\w'’.-]{1,20})){1,3}(?=[,!:;]|$))?[,.!:;~ -]*)"
)
# A space ends each word but the last, so that there is one way only to read a row of words: no backtracking.
ADDRESS = re.compile(r"^(?:[가-힣A-Za-z]{1,20} ){0,2}[가-힣A-Za-z]{0,12}?(?:고객님|담당자님|님|씨)(?:[,.!~]+ *|$)")
ADDRESS_AFTER_GREETING = re.compile(ADDRESS.pattern.replace("[,.!~]+ *", "[,.!~ ]+"))
INTRODUCTION = re.compile(
    r"^(?:[가-힣A-Za-z&·]{1,20} ){0,4}[가-힣A-Za-z]{0,12}?"
    r"(?:팀|담당|센터|지원|케어|상담원?|매니저|엔지니어|서비스|CS) ?"
    rf"(?:{SURNAME}[가-힣]{{2}}|[A-Z][a-z]+(?: [A-Z][a-z]+)?)(?:입니다|이에요|예요)[.!~]*$"
    r"|^[가-힣A-Za-z]{2,12}(?:의|(?<![은는])) [A-Z][a-z]{2,12}(?: [A-Z][a-z]+)?입니다[.!~]*$"
    r"|(?i:^(?:this is|my name is|i['’]?m|i am)) [A-Z][\w.]{1,20}(?: [A-Z][\w.]{1,20})?"
    r"(?: (?:from|with|at|here)\b.{0,40})?$"
)
"""An agent or a customer says who they are; the English form needs capitals, so that "I am unable" is none."""
COURTESY = _cue(
    r"thank(?:s|ing)?|thx|thks|thnks|cheers|appreciat\w+|sorry|apologi[sz]e?\w*|apologies|you['’]re welcome|good luck"
    r"|hope (?:this|that|it) helps|regards|have a (?:nice|good|great)"
    r"|any (?:help|advice|suggestions?|insights?|info)\b.{0,40}(?:welcome|appreciated|grateful)",
    r"감사|고맙|ㄱㅅ|수고|죄송|사과|공감합니다|양해|불편(?:을|하셨)|걱정을|기다려|축하|놀라셨|답변드립니다|안내드립니다"
    r"|말씀이 맞습니다|의견 주셔서|알겠습니다|문의 ?(?:주셔서|드립니다|드려요|합니다)|답변 (?:부탁|바랍)",
)
TO_A_MACHINE = re.compile(
    r"(?i)\b(?:ignore|disregard|forget|override)\b.{0,30}\b(?:previous|prior|above|earlier|all|your|system)\b"
    r".{0,30}\b(?:instruction|prompt|rule|message)s?"
    r"|\b(?:system|developer) prompt\b|\byou are (?:now )?(?:an? )?(?:ai|assistant|language model|chatbot|helpful)\b"
    r"|<\|?(?:im_start|system|endoftext)|^\s*(?:system|assistant|user)\s*:"
    r"|\b(?:your|the) (?:summary|reply|answer) (?:must|should) (?:only )?(?:say|contain|include|be)\b"
    r"|(?:이전|위의?|앞의?|기존|모든)\s?(?:모든 )?(?:지시|명령|프롬프트|지침|규칙)|시스템\s?(?:프롬프트|메시지|지시)"
    r"|(?:답변|응답|출력|요약|회신)하라|요약(?:에는|문에는|은|을)?.{0,40}(?:쓸 것|써라|적어라|쓰라|출력)"
    r"|(?:너는|당신은) .{0,20}(?:AI|인공지능|챗봇|어시스턴트|모델)"
    r"|\b(?:ignore|disregard|forget)\b.{0,30}\b(?:instructions?|rules?|prompts?)\b|\byour new task\b|\bdear model\b"
    r"|\b(?:for|tell|ask) the (?:ai|assistant|model)\b|\bai ?:|\bwhen you summari[sz]e\b|\bsystem prompt\b"
    r"|\b(?:append|add|write|print|say|include|render)\b.{0,60}\b(?:in (?:your|the) summary|to your answer|in the reply"
    r"|(?:in|to) (?:every|all) (?:later )?(?:repl|answer)\w*|nothing else)\b|\banswer (?:only with|in plain text)\b"
    r"|\[/?INST\]|<</?SYS>>|</?system>|\bbegin system\b|\bend of ticket\b|\b(?:invalid|no) json\b|\bextra field\b"
    r"|!\[[^\]]*\]\(|JSON 없이|AI에게|(?:답변|답장|요약)(?:에| 끝에).{0,60}(?:넣어라|포함하라|적고)|(?:만|를|을) 출력"
    r"|(?:규칙|지시)[을를]? ?(?:모두 )?무시|\bignor\w+ (?:toutes|alle|todas|tutte)\b"
    r"|指示をすべて無視|忽略之前|игнорируй|تجاهل جميع"
)
"""Words to a machine, not to a person: somebody's attempt to speak through the summary."""

URGENT = _cue(
    r"urgent(?:ly)?|asap|immediately|right away|as soon as possible|deadline|emergency|critical|lawyer|legal action",
    r"급합니다|급해|급하|긴급|시급|빨리|당장|오늘\s?(?:안|중|내)|신고|소비자원|소송|고발|마감|즉시",
)
ANGRY = _cue(
    r"frustrat\w+|annoy\w+|ridiculous|terrible|awful|unacceptable|disappoint\w+|worst|useless|angry|horrible|fed up"
    r"|waste of|hate|vexing|nightmare|insane|absurd|pathetic|furious",
    r"짜증|화가|황당|어이\s?없|실망|최악|도대체|장난|말이 됩니까|너무하|불쾌|답답|분통|엉망|무책임|열받|속상|사기|환장",
    r"!{3,}|\?{4,}",
)
GLAD = _cue(
    r"thank(?:s| you)|great|perfect|awesome|wonderful|excellent|brilliant|works? (?:now|fine|great|perfectly)"
    r"|solved|love",
    r"감사|고맙|고마워|친절|최고|좋네|좋아요|깔끔|ㄱㅅ|굿|만족|해결(?:됐|되었|했)|잘\s?(?:받|됩|됐|돼|되네)",
    r"[😊🙏👍😀😄🎉❤]",
)

SHORTEST, FEWEST_WORDS = 5, 3
"""Letters and words that a sentence needs to say something."""
LONGEST_COURTESY = 60
"""Characters up to which a sentence with "thanks" or "sorry" in it says nothing else."""


def asks(sentence: str) -> bool:
    """Whether a sentence asks or requests something."""
    return QUESTION.search(sentence) is not None or REQUEST.search(sentence) is not None


def own_words(sentence: str) -> str:
    """A sentence without the greeting, the name and the introduction before it; "" if that is all it is."""
    rest = GREETING.sub("", sentence, count=1)
    rest = (ADDRESS if rest == sentence else ADDRESS_AFTER_GREETING).sub("", rest, count=1)
    return "" if INTRODUCTION.match(rest) else rest.strip(" ,")


def says_nothing(sentence: str, *, brief: bool = False) -> bool:
    """Whether a sentence is mere courtesy, an address, a name, or meant for a machine; a `brief` one may say much."""
    if TO_A_MACHINE.search(sentence):
        return True
    words = re.findall(r"[^\W_]+", sentence)
    if sum(map(len, words)) < SHORTEST:
        return True
    if len(words) < FEWEST_WORDS and not (brief and len(words) > 1) and not re.search(r"[가-힣]{4}|\d", sentence):
        return True
    courteous = COURTESY.search(sentence) is not None and len(sentence) <= LONGEST_COURTESY
    return courteous and not (TROUBLE.search(sentence) and QUESTION.search(sentence))
