"""Names of statuses, priorities and sources, by the account's language; 6 and 7 are the usual account-made statuses."""

STATUS_LABELS: dict[str, dict[int, str]] = {
    "en": {
        2: "Open",
        3: "Pending",
        4: "Resolved",
        5: "Closed",
        6: "Waiting on Customer",
        7: "Waiting on Third Party",
    },
    "ko": {2: "열림", 3: "보류 중", 4: "해결됨", 5: "종료됨", 6: "고객 응답 대기", 7: "제3자 응답 대기"},
}
CUSTOMER_STATUS_LABELS: dict[str, dict[int, str]] = {
    "en": {
        2: "Being Processed",
        3: "Awaiting your Reply",
        4: "This ticket has been Resolved",
        5: "This ticket has been Closed",
        6: "Awaiting your Reply",
        7: "Being Processed",
    },
    "ko": {
        2: "처리 중",
        3: "회신을 기다리는 중",
        4: "해결되었습니다",
        5: "종료되었습니다",
        6: "회신을 기다리는 중",
        7: "처리 중",
    },
}
PRIORITY_LABELS: dict[str, dict[int, str]] = {
    "en": {1: "Low", 2: "Medium", 3: "High", 4: "Urgent"},
    "ko": {1: "낮음", 2: "보통", 3: "높음", 4: "긴급"},
}
SOURCE_LABELS: dict[int, str] = {
    1: "Email",
    2: "Portal",
    3: "Phone",
    4: "Forum",
    5: "Twitter",
    6: "Facebook",
    7: "Chat",
    8: "MobiHelp",
    9: "Feedback Widget",
    10: "Outbound Email",
    11: "Ecommerce",
    12: "Bot",
    13: "Whatsapp",
}
TICKET_TYPES = ("Question", "Incident", "Problem", "Feature Request")
