"""German, formal."""

from datetime import datetime
from typing import Final

from workers.effects.mail.topics import Author, Topic
from workers.effects.mail.wording import Text, Wording

_UNEXPECTED: Final = "Haben Sie damit nicht gerechnet, wenden Sie sich bitte an Ihre Administration."


def _at(moment: datetime) -> str:
    return f"{moment:%d.%m.%Y, %H:%M} Uhr"


GERMAN: Final = Wording(
    greeting="Guten Tag,",
    account="Konto",
    company="Firma",
    moment="Zeitpunkt",
    author="Durch",
    address="Von Adresse",
    until={
        Topic.RESET: "Einrichten bis",
        Topic.ORDERED: "Einrichten bis",
        Topic.PAUSED: "Pause bis",
        Topic.LOCKED: "Gesperrt bis",
        Topic.DEMANDED: "Gilt bis",
        Topic.EXEMPTED: "Gilt bis",
        Topic.BREAK_GLASS_ISSUED: "Code gültig bis",
    },
    authors={
        Author.SELF: "Sie selbst",
        Author.CLAIMANT: "jemanden, der Ihr Passwort eingegeben hat",
        Author.ADMINISTRATOR: "Ihre Administration",
        Author.PROVIDER: "Ihren Dienstanbieter",
        Author.CLIENT: "ein angebundenes Programm Ihrer Firma",
        Author.SYSTEM: "das System",
    },
    authors_towards_others={
        Author.SELF: "die Person selbst",
        Author.CLAIMANT: "jemanden, der das Passwort eingegeben hat",
        Author.ADMINISTRATOR: "Ihre Administration",
        Author.PROVIDER: "Ihren Dienstanbieter",
        Author.CLIENT: "ein angebundenes Programm Ihrer Firma",
        Author.SYSTEM: "das System",
    },
    advice={
        Author.SELF: (
            "Waren Sie das nicht? Dann ändern Sie bitte sofort Ihr Passwort und wenden Sie sich an Ihre Administration."
        ),
        Author.CLAIMANT: (
            "Waren Sie das nicht? Dann kennt jemand Ihr Passwort. Ändern Sie es bitte sofort und wenden "
            "Sie sich an Ihre Administration."
        ),
        Author.ADMINISTRATOR: _UNEXPECTED,
        Author.PROVIDER: _UNEXPECTED,
        Author.CLIENT: _UNEXPECTED,
        Author.SYSTEM: _UNEXPECTED,
    },
    advice_to_administrators=(
        "Ist das nicht abgesprochen, prüfen Sie bitte das Protokoll dieses Kontos und sprechen Sie mit der "
        "betroffenen Person, am besten nicht per E-Mail."
    ),
    advice_about_company="Ist das nicht abgesprochen, prüfen Sie bitte das Protokoll Ihrer Firma.",
    to_user={
        Topic.ENABLED: Text(
            "Zweiter Faktor eingeschaltet",
            "der zweite Faktor Ihres Kontos ist jetzt eingeschaltet. Ab sofort brauchen Sie bei jeder "
            "Anmeldung auch einen Code aus Ihrer Authenticator-App.",
        ),
        Topic.REPLACED: Text(
            "Authenticator-App gewechselt",
            "der zweite Faktor Ihres Kontos liegt jetzt auf einer neu eingerichteten Authenticator-App. "
            "Der bisherige Schlüssel und die bisherigen Wiederherstellungscodes gelten nicht mehr.",
        ),
        Topic.REPLACEMENT_STARTED: Text(
            "Wechsel der Authenticator-App begonnen",
            "für Ihr Konto wurde der Wechsel auf eine neue Authenticator-App begonnen. Bis er bestätigt "
            "ist, gilt Ihre bisherige App weiter.",
        ),
        Topic.DISABLED: Text(
            "Zweiter Faktor ausgeschaltet",
            "der zweite Faktor Ihres Kontos ist jetzt ausgeschaltet. Schlüssel und "
            "Wiederherstellungscodes gelten nicht mehr.",
        ),
        Topic.RESET: Text(
            "Zweiter Faktor zurückgesetzt",
            "der zweite Faktor Ihres Kontos wurde zurückgesetzt. Schlüssel und Wiederherstellungscodes "
            "gelten nicht mehr, und Sie sind überall abgemeldet. Bei der nächsten Anmeldung richten Sie "
            "den zweiten Faktor neu ein.",
        ),
        Topic.ORDERED: Text(
            "Bitte richten Sie einen zweiten Faktor ein",
            "für Ihr Konto wird ein zweiter Faktor verlangt. Bei der nächsten Anmeldung sehen Sie einen "
            "QR-Code, den Sie mit einer Authenticator-App einlesen. Nach Ablauf der Frist hilft Ihnen "
            "Ihre Administration weiter.",
        ),
        Topic.ORDER_WITHDRAWN: Text(
            "Zweiter Faktor nicht mehr verlangt",
            "die Aufforderung, für Ihr Konto einen zweiten Faktor einzurichten, wurde zurückgenommen.",
        ),
        Topic.PAUSED: Text(
            "Mehrere falsche Codes",
            "nach dem richtigen Passwort wurden mehrmals hintereinander falsche Codes eingegeben. Für "
            "kurze Zeit wird deshalb kein Code angenommen, auch kein richtiger.",
        ),
        Topic.LOCKED: Text(
            "Zweiter Faktor vorübergehend gesperrt",
            "nach dem richtigen Passwort wurden zu oft hintereinander falsche Codes eingegeben. Der "
            "zweite Faktor Ihres Kontos ist deshalb vorübergehend gesperrt. Ihre Administration kann die "
            "Sperre früher aufheben.",
        ),
        Topic.CLOSED: Text(
            "Zweiter Faktor gesperrt",
            "nach dem richtigen Passwort wurden so oft hintereinander falsche Codes eingegeben, dass der "
            "zweite Faktor Ihres Kontos gesperrt bleibt, bis Ihre Administration ihn entsperrt oder "
            "zurücksetzt.",
        ),
        Topic.UNLOCKED: Text(
            "Zweiter Faktor entsperrt",
            "die Sperre des zweiten Faktors Ihres Kontos ist aufgehoben. Ihre Authenticator-App gilt unverändert.",
        ),
        Topic.RECOVERY_CODE_USED: Text(
            "Wiederherstellungscode verwendet",
            "ein Wiederherstellungscode Ihres Kontos wurde verwendet und gilt nicht mehr. Es bleiben Ihnen {left}.",
        ),
        Topic.RECOVERY_CODES_ISSUED: Text(
            "Neue Wiederherstellungscodes",
            "für Ihr Konto wurden neue Wiederherstellungscodes ausgegeben. Alle älteren gelten nicht mehr.",
        ),
        Topic.PASSWORD_CHANGED: Text(
            "Passwort geändert",
            "das Passwort Ihres Kontos wurde geändert. Ihr zweiter Faktor ist davon nicht berührt.",
        ),
        Topic.PASSWORD_RESET: Text(
            "Passwort neu gesetzt",
            "für Ihr Konto wurde ein neues Passwort gesetzt, und Sie sind überall abgemeldet. Ihr zweiter "
            "Faktor ist davon nicht berührt.",
        ),
        Topic.EMAIL_CHANGED: Text(
            "E-Mail-Adresse geändert",
            "die E-Mail-Adresse Ihres Kontos wurde geändert. Diese Nachricht geht an die bisherige "
            "Adresse; weitere erhalten Sie hier nicht.",
        ),
        Topic.ROLE_CHANGED: Text(
            "Rolle geändert",
            "die Rolle Ihres Kontos und damit Ihre Rechte wurden geändert. Bitte melden Sie sich neu an.",
        ),
        Topic.SESSIONS_ENDED: Text(
            "Sitzungen beendet",
            "Sitzungen Ihres Kontos wurden beendet. Bitte melden Sie sich bei Bedarf neu an.",
        ),
        Topic.DEACTIVATED: Text(
            "Konto deaktiviert",
            "Ihr Konto wurde deaktiviert. Sie sind überall abgemeldet und können sich nicht mehr anmelden.",
        ),
        Topic.REACTIVATED: Text(
            "Konto wieder aktiv",
            "Ihr Konto ist wieder aktiv. Passwort und zweiter Faktor gelten wie zuvor.",
        ),
        Topic.EXPIRED: Text(
            "Konto abgelaufen",
            "der letzte Tag Ihres Kontos ist vorbei. Sie sind überall abgemeldet und können sich nicht "
            "mehr anmelden, bis Ihre Administration die Laufzeit verlängert.",
        ),
        Topic.NETWORKS_CHANGED: Text(
            "Erlaubte Netze geändert",
            "die Netze, aus denen Sie sich anmelden können, wurden geändert. Sitzungen von anderswo gelten nicht mehr.",
        ),
        Topic.IMPORTED: Text(
            "Zweiter Faktor übernommen",
            "der zweite Faktor Ihres Kontos wurde aus einem anderen System übernommen. Ihre "
            "Authenticator-App gilt unverändert; ab sofort brauchen Sie bei jeder Anmeldung einen Code daraus.",
        ),
        Topic.DEMANDED: Text(
            "Zweiter Faktor verlangt",
            "für Ihr Konto gilt jetzt eine Ausnahme von der Richtlinie Ihrer Firma: Ein zweiter Faktor wird "
            "verlangt. Haben Sie noch keinen, richten Sie ihn bei der nächsten Anmeldung ein.",
        ),
        Topic.EXEMPTED: Text(
            "Vom zweiten Faktor ausgenommen",
            "für Ihr Konto gilt jetzt eine Ausnahme von der Richtlinie Ihrer Firma: Ein zweiter Faktor wird "
            "nicht verlangt. Ist er eingeschaltet, bleibt er es.",
        ),
        Topic.EXCEPTION_ENDED: Text(
            "Ausnahme beendet",
            "die Ausnahme für Ihr Konto ist beendet. Es gilt wieder die Richtlinie Ihrer Firma.",
        ),
        Topic.BREAK_GLASS_ISSUED: Text(
            "Notfallcode ausgegeben",
            "für Ihr Konto wurde ein Notfallcode ausgegeben, der einmal und nur kurze Zeit gilt. Mit ihm "
            "melden Sie sich statt mit Ihrer Authenticator-App an und richten sie dann neu ein. Den Code "
            "selbst bekommen Sie von Ihrer Administration.",
        ),
        Topic.BREAK_GLASS_USED: Text(
            "Notfallcode verwendet",
            "ein Notfallcode Ihres Kontos wurde verwendet. Der bisherige Schlüssel und die "
            "Wiederherstellungscodes gelten nicht mehr; der zweite Faktor wird neu eingerichtet.",
        ),
    },
    to_administrators={
        Topic.RESET: Text(
            "Zweiter Faktor eines Kontos zurückgesetzt",
            "in Ihrer Firma wurde der zweite Faktor eines Kontos zurückgesetzt. Es ist überall "
            "abgemeldet; bei der nächsten Anmeldung wird neu eingerichtet.",
        ),
        Topic.DISABLED: Text(
            "Zweiter Faktor eines Kontos ausgeschaltet",
            "in Ihrer Firma wurde der zweite Faktor eines Kontos ausgeschaltet.",
        ),
        Topic.CLOSED: Text(
            "Zweiter Faktor eines Kontos gesperrt",
            "in Ihrer Firma wurden für ein Konto so oft hintereinander falsche Codes eingegeben, dass "
            "sein zweiter Faktor gesperrt bleibt, bis Sie ihn entsperren oder zurücksetzen.",
        ),
        Topic.BREAK_GLASS_ISSUED: Text(
            "Notfallcode ausgegeben",
            "in Ihrer Firma wurde für ein Konto ein Notfallcode ausgegeben, der einmal und nur kurze Zeit gilt.",
        ),
        Topic.COMPANY_SUSPENDED: Text(
            "Firma gesperrt",
            "Ihre Firma wurde gesperrt. Alle Sitzungen und Zugänge von Programmen sind beendet; niemand "
            "kann sich anmelden, bis die Sperre aufgehoben ist.",
        ),
        Topic.COMPANY_RESUMED: Text(
            "Sperre aufgehoben",
            "die Sperre Ihrer Firma ist aufgehoben. Alle können sich wieder anmelden; angebundene Programme "
            "brauchen einen neuen Zugang.",
        ),
        Topic.POLICY_CHANGED: Text(
            "Sicherheitsrichtlinie geändert",
            "die Sicherheitsrichtlinie Ihrer Firma wurde geändert.",
        ),
    },
    link="Anmeldung",
    closing="Diese Nachricht wurde automatisch erzeugt; Antworten liest niemand. Sie enthält nie einen Code und "
    "fragt nie nach einem Passwort.",
    at=_at,
)
