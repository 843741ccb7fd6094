"""Phrases that every caller may use, as data by language. Matched on plain words: lower case, no punctuation but apostrophes."""
# ruff: noqa: E501 - phrases read better in one row

from __future__ import annotations

import re
from functools import lru_cache

HUMAN = re.compile(
    r"\b(?:(?:speak|talk|put me (?:through|on)|connect me|transfer me|get me|pass me)\s+(?:to|with|through to)?\s*"
    r"(?:a|an|the|some|any|your)?\s*(?:real |actual |live |human )?(?:person|human|human being|someone|somebody|operator|agent|representative|member of staff|"
    r"receptionist|manager|boss|colleague|advisor|adviser)"
    r"|(?:a|an)?\s*(?:real|actual|live) (?:person|human)(?: please)?|operator|human please|is there (?:a|an|any) (?:real )?(?:person|human))\b"
)
HUMAN_QUESTION = re.compile(r"\b(?:are|is|am) (?:you|this|i)\b.*\b(?:person|human|robot|machine|computer)\b")
REPEAT = re.compile(
    r"(?:sorry |pardon |um |uh )*(?:sorry|pardon(?: me)?|what|what was that|what did you say|(?:can|could|would) you (?:please )?"
    r"(?:say|repeat) (?:that|it)(?: again)?|"
    r"say (?:that|it) again|come again|repeat (?:that|it)?|once more|again|one more time|i (?:didn't|did not|couldn't|could not) (?:hear|catch|get) (?:that|you|it)|"
    r"i missed that|excuse me)(?: please)?(?: sorry)?"
)
HOLD = re.compile(
    r"(?:um |uh |er |ok |okay |yes |sure |oh )*(?:one|just a|a|wait a|hold on a|half a|just one)? ?(?:moment|second|sec|minute|mo|tick)(?: please)?"
    r"|(?:um |uh |er |ok |okay |yes |oh )*(?:hang on|hold on|wait|bear with me|let me (?:see|think|check|look|find (?:it|my \w+)))"
    r"(?: (?:a|one|just a) (?:moment|second|sec|minute|tick))?(?: please)?(?: let me .*| i(?:'ll| will) .*| while .*)?"
)
HELP = re.compile(
    r"(?:help|help me|what can (?:i say|you do)(?: here)?|what are my options|what do you mean|i don't understand|i do not understand|how does this work)(?: please)?"
)
GOODBYE = re.compile(
    r"(?:no |ok |okay |right |great |lovely |well |thanks |thank you |that's all |that is all |that's it |cheers |so much |very much |then |for now )*"
    r"(?:good ?bye|bye(?: bye)?|see you|cheerio|have a (?:good|nice|lovely) (?:day|one|evening|weekend))(?: now| then| thanks| thank you)*"
)
CANCEL = re.compile(
    r"(?:no |actually |oh |sorry |you know what |um )*(?:forget (?:it|about it)|never ?mind|leave it|don't bother|(?:i've |i have )?changed my mind|cancel(?: that| this| everything)?|"
    r"stop|let's leave it|leave that)(?: please| thanks| thank you| then)*"
)
ABUSE = re.compile(
    r"\b(?:fuck\w*|shit|bastard|bitch|wanker|arsehole|asshole|cunt|piss off|twat|dickhead|idiot|stupid (?:machine|robot|thing|computer))\b"
)
CHITCHAT = re.compile(
    r"(?:(?:hi|hello|hey|good (?:morning|afternoon|evening)|thanks|thank you|thank you very much|cheers|great|lovely|perfect|brilliant|excellent|how are you|"
    r"nice to meet you|ok|okay|right|alright|all right|there|so much|very much)\s*)+"
)
SKIP = re.compile(
    r"\b(?:(?:i )?(?:don't|do not|haven't|have not) (?:have|got|own) (?:one|any|an? \w+|that)|(?:i'd |i would )?rather not(?: say)?|skip (?:it|that|this)|no preference|"
    r"(?:i )?(?:don't|do not) mind|(?:it )?(?:doesn't|does not) matter|any ?(?:day|time)|as soon as (?:possible|you can)|whenever|i(?:'m| am) not sure|not sure|no idea|"
    r"(?:i )?(?:don't|do not) know|i(?:'d| would) (?:rather|prefer) not|none|i have none)\b"
)
NONE_OF_THESE = re.compile(
    r"\b(?:none of (?:those|these|them|that)|neither(?: of (?:them|those|these))?|(?:those|these|they|that|it)(?: all)? (?:don't|doesn't|do not|does not|won't|will not) "
    r"(?:work|suit|do)\w*|"
    r"(?:something|anything) else|(?:another|a different|some other) (?:day|time|date|week)|(?:any|have you) (?:others|other (?:days|times))|i can't (?:do|make) (?:those|any|either|them|that))\b"
)
CORRECTION = re.compile(
    r"^(?:no|nope|sorry|actually|wait|oh|hang on|well|um|er)\b.*\b(?:i said|i meant|i mean|make (?:it|that)|it's|it is|that's|not|should be|rather|instead|change)\b"
    r"|\b(?:actually|i said|i meant|i mean|make (?:it|that)|change (?:it|that|the|my)|instead|correction|should be|let's say)\b"
    r"|^(?:not|no not)\b|^(?:yes|yeah|yep|ok|okay) but\b|\bthat's (?:wrong|not right)\b"
)
NOT_BUT = re.compile(r"\b(?:not|isn't|is not)\s+(?P<wrong>[\w' ]+?)\s*(?:,|;|\.|\bbut\b|\bit's\b|\bit is\b)\s*(?P<right>.+)$")
QUESTION = re.compile(
    r"^(?:(?:and|but|so|oh|um|uh|er|ok|okay|well|hi|hello|actually|also|before that|quick question|yes|no|i was wondering|i'd like to know|tell me)[, ]+)*"
    r"(?:what|when|where|who|which|why|how|do you|does|did you|are you|are there|is there|is it|is this|is that|can i|can you|could i|could you|will you|would you|"
    r"have you|has|should i|must i|am i|whether|if you|may i)\b"
)
REQUEST = re.compile(
    r"\b(?:can|could|will|would) (?:you|someone|somebody) (?:come|send|help|fix|book|call|ring|take|do it|make it|put|move|get)\b|\bcan i (?:book|have|get|make|speak|leave)\b"
)
PAST = re.compile(r"\b(?:since|last|ago|yesterday|from|been|started|was|for|every|until)\s+(?:\w+\s+){0,1}$")
ORDINALS = re.compile(
    r"(?:i(?:'ll| will) (?:take|have) |let's (?:do|say) |um |uh |ok |okay |yes )*(?:the )?(?P<n>first|second|third|fourth|last|one|two|three|four|1|2|3|4)(?: one| option)?(?: please)?"
)


def plain(text: str) -> str:
    """Lower case words and apostrophes, one space between them."""
    return re.sub(r"\s+", " ", re.sub(r"[^\w' ]+", " ", text.casefold().replace("’", "'"))).strip()


@lru_cache(maxsize=4096)
def phrase(words: str) -> re.Pattern[str]:
    """A phrase of the author's as a pattern: whole words, a plural or an ending in -ing or -ed of the last word allowed."""
    parts = [re.escape(part) for part in plain(words).split()]
    return re.compile(rf"\b{' '.join(parts)}(?:s|es|ing|ed|'s)?\b") if parts else re.compile(r"(?!)")


def says(phrases: tuple[str, ...], words: str) -> str:
    """The longest of the author's phrases in plain words, "" if there is none. A phrase that is denied does not count."""
    best = ""
    for each in phrases:
        found = phrase(each).search(words)
        if found and len(found[0]) > len(best) and not re.search(r"\b(?:not|don't|isn't|never)(?: \w+)?\s*$", words[: found.start()]):
            best = found[0]
    return best
