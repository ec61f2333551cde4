"""Made-up visitors of a made-up web shop: sessions of page views, purchases, and now and then a stolen card.

The sequence follows from the seed and the times that it is asked at; nothing here reads a clock.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

MERCHANTS = (
    "alder-books",
    "birch-and-bean",
    "cobalt-cycles",
    "dovetail-furniture",
    "ember-electronics",
    "fennel-foods",
    "gilded-gadgets",
    "harbour-hotels",
    "indigo-apparel",
    "juniper-jewels",
    "kestrel-airlines",
    "lumen-games",
    "maple-pharmacy",
    "northwind-giftcards",
    "opal-optics",
)
_PREY = ("gilded-gadgets", "juniper-jewels", "northwind-giftcards")
_PAGES = ("/", "/search", "/sale", "/about", "/help", *(f"/product/{number}" for number in range(1, 41)))
_REFERRERS = ("", "", "", "https://search.example/", "https://news.example/shopping", "https://social.example/")
_COUNTRIES = (("DE", "EUR"), ("FR", "EUR"), ("US", "USD"), ("GB", "GBP"), ("SE", "SEK"), ("JP", "JPY"), ("PT", "EUR"))
_BROWSER = "Mozilla/5.0 ({}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.0.0 {}Safari/537.36"
_SAFARI = "Mozilla/5.0 ({}) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 {}Safari/60{}"
USER_AGENTS = (
    _BROWSER.format("Windows NT 10.0; Win64; x64", 124, ""),
    _BROWSER.format("Windows NT 10.0; Win64; x64", 122, ""),
    _BROWSER.format("X11; Linux x86_64", 123, ""),
    _BROWSER.format("Linux; Android 14; Pixel 8", 124, "Mobile "),
    _BROWSER.format("Linux; Android 13; SM-X700", 121, ""),
    _SAFARI.format("Macintosh; Intel Mac OS X 14_4", "", "5.1.15"),
    _SAFARI.format("iPhone; CPU iPhone OS 17_4 like Mac OS X", "Mobile/15E148 ", "4.1"),
    _SAFARI.format("iPad; CPU OS 17_4 like Mac OS X", "Mobile/15E148 ", "4.1"),
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:125.0) Gecko/20100101 Firefox/125.0",
    "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:124.0) Gecko/20100101 Firefox/124.0",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "curl/8.5.0",
)
_MOST_SESSIONS = 40


@dataclass(frozen=True, slots=True)
class Person:
    """A visitor with one card; purchases are ordered by `account`."""

    account: str
    card: str
    country: str
    currency: str
    address: str
    user_agent: str


@dataclass(slots=True)
class Session:
    """A visit under way: pages still to come, and whether it ends in a purchase."""

    person: Person
    pages_left: int
    buys: bool
    last_page: str = ""


@dataclass(slots=True)
class Traffic:
    """The traffic of one seed. `run` goes into the event ids, so that two runs do not share them."""

    random: Random
    addresses: Sequence[str]
    run: str
    people_count: int = 400
    fraud_every: int = 150
    people: list[Person] = field(default_factory=list)
    _sessions: list[Session] = field(default_factory=list)
    _coming: deque[dict[str, Any]] = field(default_factory=deque)
    _count: int = 0

    def __post_init__(self) -> None:
        """Make the people."""
        self.people = [self._person(number) for number in range(self.people_count)]

    def next(self, now_ms: int) -> dict[str, Any]:
        """The next event, at the given time (ms since the epoch)."""
        self._count += 1
        if self._count % self.fraud_every == 0:
            self._coming.extend(self._theft())
        if self._coming:
            return self._event("transaction", now_ms, self._coming.popleft())
        session = self._session()
        if session.pages_left == 0:
            self._sessions.remove(session)
            return self._event("transaction", now_ms, self._purchase(session.person))
        return self._event("page_view", now_ms, self._page_view(session))

    def _session(self) -> Session:
        if len(self._sessions) < 5 or (len(self._sessions) < _MOST_SESSIONS and self.random.random() < 0.15):
            # A few people come often, most seldom.
            person = self.people[int(len(self.people) * self.random.random() ** 2.5)]
            pages = 1 + min(int(self.random.expovariate(0.2)), 20)
            self._sessions.append(Session(person, pages, buys=self.random.random() < 0.25))
        return self.random.choice(self._sessions)

    def _page_view(self, session: Session) -> dict[str, Any]:
        session.pages_left -= 1
        referrer = session.last_page or self.random.choice(_REFERRERS)
        session.last_page = page = self.random.choice(_PAGES)
        if session.pages_left == 0 and not session.buys:
            self._sessions.remove(session)
        return {
            "user": session.person.account,
            "page": page,
            "referrer": referrer,
            "user_agent": session.person.user_agent,
            "ip": session.person.address,
            "latency_ms": round(self.random.lognormvariate(4.2, 0.6), 1),
        }

    def _purchase(self, person: Person) -> dict[str, Any]:
        amount = min(round(self.random.lognormvariate(3.6, 0.7), 2), 490.0)
        return _transaction(person, amount, self.random.choice(MERCHANTS), person.country, person.address)

    def _theft(self) -> list[dict[str, Any]]:
        """Four to six large purchases with one card, one after the other, from an address that is not its owner's."""
        person, address = self.random.choice(self.people), self.random.choice(self.addresses)
        return [
            _transaction(
                person, round(self.random.uniform(600, 3000), 2), self.random.choice(_PREY), person.country, address
            )
            for _ in range(self.random.randint(4, 6))
        ]

    def _person(self, number: int) -> Person:
        country, currency = self.random.choice(_COUNTRIES)
        return Person(
            account=f"account-{number:04}",
            card=unissued_card(self.random),
            country=country,
            currency=currency,
            address=self.random.choice(self.addresses),
            user_agent=self.random.choice(USER_AGENTS),
        )

    def _event(self, event_type: str, now_ms: int, payload: dict[str, Any]) -> dict[str, Any]:
        key = payload.pop("account", None) or payload["user"]
        event_id = f"web-{self.run}-{self._count:07}"
        return {"id": event_id, "source": "web", "type": event_type, "key": key, "time": now_ms, "payload": payload}


def unissued_card(random: Random) -> str:
    """A number in the form of a card's, with a right check digit, that no bank can issue.

    It begins with 9999: major industry 9 with a country code that ISO 3166-1 assigns to nobody (ISO/IEC 7812-1).
    """
    body = "9999" + "".join(str(random.randrange(10)) for _ in range(11))
    digits = [int(digit) for digit in body]
    doubled = [digit * 2 - 9 * (digit > 4) if place % 2 == 0 else digit for place, digit in enumerate(digits)]
    return body + str(-sum(doubled) % 10)


def _transaction(person: Person, amount: float, merchant: str, country: str, address: str) -> dict[str, Any]:
    return {
        "account": person.account,
        "card": person.card,
        "amount": amount,
        "currency": person.currency,
        "merchant": merchant,
        "country": country,
        "ip": address,
    }
