"""What the pages say, in each of their languages. Pure.

A language is whole or not there: a field that is missing is no `Phrases`. `{…}` are filled in by `sheet`.
"""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


@dataclass(frozen=True, slots=True)
class Phrases:
    """The sentences of one language. A pair is what is said of one thing, and of several."""

    language: str
    months: tuple[str, ...]
    #: A moment: {day}, {month}, {year}, {time}, {zone}.
    moment: str
    notice: str
    notice_from: str
    for_customer: str
    drill: str
    to_do: tuple[str, str]
    all_done: str
    confirmed: str
    likely: str
    possible: str
    by: str
    progress: str
    no_keys: str
    acknowledge_title: str
    acknowledge_text: str
    acknowledge: str
    acknowledged: str
    acknowledged_text: str
    keys: str
    open: str
    done: str
    id: str
    scope: str
    changed: str
    gone: str
    refused: str
    checked: str
    unchecked: str
    doubtful: str
    never_told: str
    how: str
    make: str
    make_at: str
    store: str
    delete: str
    wait: str
    genuine_title: str
    genuine_address: str
    genuine_never: str
    genuine_copy: str
    genuine_link: str
    questions: str
    private: str
    lost_title: str
    lost_text: str
    expired_title: str
    expired_text: str
    what_now: str
    newest: str
    ask: str
    nothing_changed: str
    busy_title: str
    busy_text: str
    often_title: str
    often_text: str
    foreign_title: str
    foreign_text: str
    unsubscribe_title: str
    unsubscribe_text: str
    unsubscribe: str
    unsubscribed_title: str
    unsubscribed_text: str
    no_unsubscribe_title: str
    no_unsubscribe_text: str
    copy_of: str
    copy_text: str
    copy_file: str

    def says(self, moment: float, zone: str) -> str:
        """A moment (seconds since the epoch) as a reader in this zone writes it."""
        try:
            where = ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError):
            where, zone = ZoneInfo("UTC"), "UTC"
        local = datetime.datetime.fromtimestamp(moment, where)
        month = self.months[local.month - 1]
        return self.moment.format(day=local.day, month=month, year=local.year, time=f"{local:%H:%M}", zone=zone)


def _months(names: str) -> tuple[str, ...]:
    return tuple(names.split())


EN = Phrases(
    language="en",
    months=_months("January February March April May June July August September October November December"),
    moment="{day} {month} {year}, {time} ({zone})",
    notice="Security notice",
    notice_from="Security notice from {company}",
    for_customer="For {name}",
    drill="This is a drill. Nothing on this page is real.",
    to_do=("One of your keys has to be replaced", "{count} of your keys have to be replaced"),
    all_done="All of your exposed keys are replaced",
    confirmed="It is confirmed that these keys are in the wrong hands.",
    likely="These keys are likely to be in the wrong hands.",
    possible="These keys may be in the wrong hands.",
    by="Please replace them by {when}.",
    progress="{done} of {total} replaced",
    no_keys="This notice names no keys of yours.",
    acknowledge_title="Tell us that you have read this",
    acknowledge_text="Press the button, so that we know that the notice has reached you. It replaces no key.",
    acknowledge="I have read this notice",
    acknowledged="You acknowledged this notice on {when}.",
    acknowledged_text="Thank you. We go on checking whether your keys are replaced; you need not tell us.",
    keys="Your keys",
    open="To be replaced",
    done="Replaced",
    id="ID",
    scope="Belongs to",
    changed="It was changed on {when}.",
    gone="It was removed, and is no longer stored with us. We saw that on {when}.",
    refused="{provider} refuses the old key. We saw that on {when}.",
    checked="Last checked on {when}.",
    unchecked="We have not checked it yet.",
    doubtful="We could not check it on {looked}. What you see is from {told}.",
    never_told="We could not check it on {looked}, and do not know yet whether it is replaced.",
    how="How to replace it",
    make="Make a new key at {provider}.",
    make_at="Make a new key at {provider}. What {provider} asks for:",
    store="Put the new key wherever the old one is used, and into your settings with us.",
    delete="Delete the old key at {provider}. As long as it is accepted there, whoever has it can use it.",
    wait="This page shows it as replaced after our next check.",
    genuine_title="How to check that this is genuine",
    genuine_address="The address of this page begins with {address}.",
    genuine_never="This page asks for no password and for no key. A page that does is not ours.",
    genuine_copy="The notice has a public, signed copy, which you find without this link:",
    genuine_link="Signed copy of the notice",
    questions="Questions:",
    private="The address of this page is yours alone: please do not pass it on.",
    lost_title="This link does not work",
    lost_text="It is not complete, or what it led to is no longer here.",
    expired_title="This link is too old",
    expired_text="Personal links work for some time only, and this one has ended.",
    what_now="What you can do",
    newest="Open the link in the newest message that you have from us, and copy all of it.",
    ask="If you have none, ask us:",
    nothing_changed="Nothing was acknowledged or changed.",
    busy_title="This page cannot be shown at the moment",
    busy_text="The fault is ours. Please try again in a few minutes.",
    often_title="Too many requests",
    often_text="Too many pages were asked for from your network. Please try again in a minute.",
    foreign_title="This did not come from our page",
    foreign_text="Another website has sent you here. Please open the link in the message, and press the button there.",
    unsubscribe_title="Stop these messages?",
    unsubscribe_text="You will get no more messages of this kind from {company}. Security notices still reach you.",
    unsubscribe="Stop these messages",
    unsubscribed_title="You get no more of these messages",
    unsubscribed_text="Security notices still reach you.",
    no_unsubscribe_title="Security notices cannot be stopped",
    no_unsubscribe_text="This message tells you of a danger to your keys. If it should go to somebody else, tell us.",
    copy_of="Public copy of a notice",
    copy_text="This is what we have sent. Compare it with the message that you have; it is signed, so that nobody else "
    "can have made it.",
    copy_file="The signed file",
)

DE = Phrases(
    language="de",
    months=_months("Januar Februar März April Mai Juni Juli August September Oktober November Dezember"),
    moment="{day}. {month} {year}, {time} Uhr ({zone})",
    notice="Sicherheitsmeldung",
    notice_from="Sicherheitsmeldung von {company}",
    for_customer="Für {name}",
    drill="Dies ist eine Übung. Nichts auf dieser Seite ist echt.",
    to_do=("Einer Ihrer Schlüssel muss ersetzt werden", "{count} Ihrer Schlüssel müssen ersetzt werden"),
    all_done="Alle Ihre betroffenen Schlüssel sind ersetzt",
    confirmed="Es steht fest, dass diese Schlüssel in falsche Hände geraten sind.",
    likely="Diese Schlüssel sind wahrscheinlich in falsche Hände geraten.",
    possible="Diese Schlüssel sind möglicherweise in falsche Hände geraten.",
    by="Bitte ersetzen Sie sie bis zum {when}.",
    progress="{done} von {total} ersetzt",
    no_keys="Diese Mitteilung nennt keine Schlüssel von Ihnen.",
    acknowledge_title="Sagen Sie uns, dass Sie dies gelesen haben",
    acknowledge_text="Drücken Sie den Knopf, damit wir wissen, dass die Mitteilung Sie erreicht hat. Er ersetzt keinen "
    "Schlüssel.",
    acknowledge="Ich habe die Mitteilung gelesen",
    acknowledged="Sie haben die Mitteilung am {when} bestätigt.",
    acknowledged_text="Vielen Dank. Wir prüfen weiter, ob Ihre Schlüssel ersetzt sind; Sie müssen uns nichts melden.",
    keys="Ihre Schlüssel",
    open="Zu ersetzen",
    done="Ersetzt",
    id="Kennung",
    scope="Gehört zu",
    changed="Er wurde am {when} geändert.",
    gone="Er wurde entfernt und liegt nicht mehr bei uns. Das haben wir am {when} gesehen.",
    refused="{provider} weist den alten Schlüssel ab. Das haben wir am {when} gesehen.",
    checked="Zuletzt geprüft am {when}.",
    unchecked="Wir haben ihn noch nicht geprüft.",
    doubtful="Am {looked} konnten wir ihn nicht prüfen. Was Sie sehen, ist vom {told}.",
    never_told="Am {looked} konnten wir ihn nicht prüfen und wissen noch nicht, ob er ersetzt ist.",
    how="So ersetzen Sie ihn",
    make="Erzeugen Sie bei {provider} einen neuen Schlüssel.",
    make_at="Erzeugen Sie bei {provider} einen neuen Schlüssel. Was {provider} dafür verlangt (englisch):",
    store="Tragen Sie den neuen Schlüssel überall ein, wo der alte benutzt wird, auch in Ihren Einstellungen bei uns.",
    delete="Löschen Sie den alten Schlüssel bei {provider}. Solange er dort gilt, kann ihn benutzen, wer ihn hat.",
    wait="Nach unserer nächsten Prüfung steht er auf dieser Seite als ersetzt.",
    genuine_title="So prüfen Sie, ob dies echt ist",
    genuine_address="Die Adresse dieser Seite beginnt mit {address}.",
    genuine_never="Diese Seite fragt nach keinem Passwort und keinem Schlüssel. Eine, die es tut, ist nicht von uns.",
    genuine_copy="Von der Mitteilung gibt es eine öffentliche, signierte Fassung; sie steht auch ohne diesen Link da:",
    genuine_link="Signierte Fassung der Mitteilung",
    questions="Fragen:",
    private="Die Adresse dieser Seite gehört nur Ihnen: Bitte geben Sie sie nicht weiter.",
    lost_title="Dieser Link funktioniert nicht",
    lost_text="Er ist unvollständig, oder es gibt nicht mehr, wohin er führte.",
    expired_title="Dieser Link ist zu alt",
    expired_text="Persönliche Links gelten nur eine Zeit lang; dieser ist abgelaufen.",
    what_now="Was Sie tun können",
    newest="Öffnen Sie den Link in der neuesten Nachricht, die Sie von uns haben, und kopieren Sie ihn ganz.",
    ask="Wenn Sie keine haben, fragen Sie uns:",
    nothing_changed="Es wurde nichts bestätigt oder geändert.",
    busy_title="Diese Seite kann gerade nicht gezeigt werden",
    busy_text="Das liegt an uns. Bitte versuchen Sie es in einigen Minuten noch einmal.",
    often_title="Zu viele Anfragen",
    often_text="Aus Ihrem Netz kamen zu viele Anfragen. Bitte versuchen Sie es in einer Minute noch einmal.",
    foreign_title="Das kam nicht von unserer Seite",
    foreign_text="Eine andere Website hat Sie hierher geschickt. Öffnen Sie bitte den Link in der Nachricht, und "
    "drücken Sie dort den Knopf.",
    unsubscribe_title="Diese Nachrichten abbestellen?",
    unsubscribe_text="Sie bekommen von {company} keine Nachrichten dieser Art mehr. Sicherheitsmeldungen erreichen "
    "Sie weiterhin.",
    unsubscribe="Nachrichten abbestellen",
    unsubscribed_title="Sie bekommen diese Nachrichten nicht mehr",
    unsubscribed_text="Sicherheitsmeldungen erreichen Sie weiterhin.",
    no_unsubscribe_title="Sicherheitsmeldungen kann man nicht abbestellen",
    no_unsubscribe_text="Diese Nachricht betrifft eine Gefahr für Ihre Schlüssel. Soll sie an jemand anderen gehen, "
    "sagen Sie es uns.",
    copy_of="Öffentliche Fassung einer Mitteilung",
    copy_text="Das haben wir verschickt. Vergleichen Sie es mit der Nachricht, die Sie bekommen haben; es ist "
    "signiert, damit niemand sonst es gemacht haben kann.",
    copy_file="Die signierte Datei",
)

LANGUAGES = {one.language: one for one in (EN, DE)}


def phrases(*wanted: str) -> Phrases:
    """The first language of these that there is, by its main tag; else English."""
    found = (LANGUAGES.get(tag.strip().lower().partition("-")[0]) for tag in wanted)
    return next((one for one in found if one is not None), EN)


def accepted(header: str) -> Iterable[str]:
    """The languages of an `Accept-Language` header, the most wanted first (RFC 9110, section 12.5.4)."""
    weighed: list[tuple[float, str]] = []
    for part in header[:500].split(","):
        tag, _, rest = part.strip().partition(";")
        try:
            weight = float(rest.strip().removeprefix("q=")) if rest else 1.0
        except ValueError:
            weight = 0.0
        weighed.append((-weight, tag))
    return [tag for _, tag in sorted(weighed, key=lambda one: one[0])]
