"""What people read in a report, in every language. A sentence without all of them does not pass the type check."""

from typing import Final, NamedTuple


class Text(NamedTuple):
    de: str
    en: str
    pt: str

    def in_language(self, tag: str) -> str:
        return {"de": self.de, "pt-BR": self.pt}.get(tag, self.en)


TITLES: Final = {
    "coverage": Text("Abdeckung zum Stichtag", "Coverage as of a date", "Cobertura em uma data"),
    "coverage_over_time": Text("Abdeckung im Zeitverlauf", "Coverage over time", "Cobertura ao longo do tempo"),
    "factor_changes": Text("Änderungen am zweiten Faktor", "Factor changes", "Alterações do segundo fator"),
    "administrator_acts": Text(
        "Handlungen von Administration und Anbieter",
        "Acts of administrators and provider",
        "Atos da administração e do provedor",
    ),
    "failed_attempts": Text("Fehlversuche und Sperren", "Failed attempts and locks", "Tentativas falhas e bloqueios"),
    "session_revocations": Text("Beendete Sitzungen", "Session revocations", "Sessões encerradas"),
    "policy_history": Text(
        "Verlauf der Sicherheitsrichtlinie", "History of the policy", "Histórico da política de segurança"
    ),
    "api_clients": Text("API-Zugänge", "API clients", "Clientes de API"),
}

FACTS: Final = {
    "company": Text("Unternehmen", "Company", "Empresa"),
    "company_id": Text("Kennung des Unternehmens", "Company's id", "Identificador da empresa"),
    "kind": Text("Art des Berichts", "Kind of report", "Tipo de relatório"),
    "as_of": Text("Stand", "As of", "Situação em"),
    "from": Text("Von", "From", "De"),
    "to": Text("Bis vor", "Before", "Antes de"),
    "time_zone": Text("Zeitzone", "Time zone", "Fuso horário"),
    "position": Text("Letzter Eintrag des Protokolls", "Last entry of the log", "Última entrada do registro"),
    "rows": Text("Zeilen", "Rows", "Linhas"),
    "entries": Text("Belegende Einträge", "Entries that prove it", "Entradas que comprovam"),
    "checkpoint": Text("Prüfpunkt", "Checkpoint", "Ponto de verificação"),
}

NUMBERS: Final = {
    "users": Text("Benutzer", "Users", "Usuários"),
    "inactive": Text("davon ohne Zugang", "of which without access", "dos quais sem acesso"),
    "on": Text("Geschützt", "Protected", "Protegidos"),
    "enrolment_required": Text("Einrichtung steht aus", "Awaiting enrolment", "Aguardando configuração"),
    "off": Text("Ohne zweiten Faktor", "Without a second factor", "Sem segundo fator"),
    "exempt": Text("Ausgenommen", "Exempt", "Isentos"),
    "locked": Text("Gesperrt", "Locked", "Bloqueados"),
    "administrators": Text("Mit Verwaltungsrechten", "With administrative rights", "Com direitos administrativos"),
    "administrators_without_factor": Text(
        "Mit Verwaltungsrechten, ungeschützt",
        "With administrative rights, unprotected",
        "Com direitos administrativos, sem proteção",
    ),
    "erased": Text("Gelöscht", "Erased", "Apagados"),
    "months": Text("Zeitpunkte", "Moments", "Momentos"),
    "changes": Text("Änderungen", "Changes", "Alterações"),
    "enabled": Text("Eingeschaltet", "Enabled", "Ativados"),
    "replaced": Text("Ersetzt", "Replaced", "Substituídos"),
    "imported": Text("Übernommen", "Imported", "Importados"),
    "reset": Text("Zurückgesetzt", "Reset", "Redefinidos"),
    "disabled": Text("Ausgeschaltet", "Disabled", "Desativados"),
    "recovery_code_used": Text(
        "Wiederherstellungscodes benutzt", "Recovery codes used", "Códigos de recuperação usados"
    ),
    "break_glass_issued": Text("Notfallcodes ausgegeben", "Break-glass codes issued", "Códigos de emergência emitidos"),
    "break_glass_used": Text("Notfallcodes benutzt", "Break-glass codes used", "Códigos de emergência usados"),
    "acts": Text("Handlungen", "Acts", "Atos"),
    "by_user": Text("von der Administration", "by administrators", "pela administração"),
    "by_provider": Text("vom Anbieter", "by the provider", "pelo provedor"),
    "by_client": Text("von Programmen", "by programs", "por programas"),
    "by_system": Text("vom System", "by the system", "pelo sistema"),
    "rows": Text("Zeilen", "Rows", "Linhas"),
    "AccessDenied": Text("Verweigerte Zugriffe", "Denied access", "Acessos negados"),
    "CodeRejected": Text("Abgelehnte Codes", "Rejected codes", "Códigos recusados"),
    "PasswordRejected": Text("Abgelehnte Kennwörter", "Rejected passwords", "Senhas recusadas"),
    "SessionPasswordRejected": Text(
        "Abgelehnte Kennwörter in Sitzungen", "Rejected passwords in sessions", "Senhas recusadas em sessões"
    ),
    "SignInRefused": Text("Abgewiesene Anmeldungen", "Refused sign-ins", "Acessos recusados"),
    "TwoFactorLocked": Text("Sperren", "Locks", "Bloqueios"),
    "TwoFactorPaused": Text("Pausen", "Pauses", "Pausas"),
    "TwoFactorUnlocked": Text("Entsperrungen", "Unlocks", "Desbloqueios"),
    "revocations": Text("Anlässe", "Occasions", "Ocasiões"),
    "sessions": Text("Beendete Sitzungen", "Sessions ended", "Sessões encerradas"),
    "not_told_yet": Text("Noch nicht gemeldet", "Not told yet", "Ainda não comunicadas"),
    "milliseconds_median": Text(
        "Bis zur Wirkung, Median (ms)", "Time to effect, median (ms)", "Até o efeito, mediana (ms)"
    ),
    "milliseconds_longest": Text(
        "Bis zur Wirkung, längste (ms)", "Time to effect, longest (ms)", "Até o efeito, máximo (ms)"
    ),
    "versions": Text("Fassungen", "Versions", "Versões"),
    "clients": Text("API-Zugänge", "API clients", "Clientes de API"),
    "live": Text("Gültig", "Live", "Válidos"),
    "expired": Text("Abgelaufen", "Expired", "Expirados"),
    "ended_by_suspension": Text("Durch Aussetzung beendet", "Ended by a suspension", "Encerrados por suspensão"),
    "revoked": Text("Widerrufen", "Revoked", "Revogados"),
}

COLUMNS: Final = {
    "position": Text("Eintrag", "Entry", "Entrada"),
    "at": Text("Zeitpunkt", "At", "Momento"),
    "user": Text("Benutzer", "User", "Usuário"),
    "role": Text("Rolle", "Role", "Função"),
    "account": Text("Konto", "Account", "Conta"),
    "state": Text("Zustand", "State", "Estado"),
    "required_by": Text("Gefordert von", "Required by", "Exigido por"),
    "since": Text("Seit", "Since", "Desde"),
    "grace_until": Text("Schonfrist bis", "Grace until", "Carência até"),
    "order_expires_at": Text("Einzurichten bis", "To be set up by", "Configurar até"),
    "locked_until": Text("Gesperrt bis", "Locked until", "Bloqueado até"),
    "exception": Text("Ausnahme", "Exception", "Exceção"),
    "approved_by": Text("Genehmigt von", "Approved by", "Aprovado por"),
    "until": Text("Bis", "Until", "Até"),
    "reason": Text("Grund", "Reason", "Motivo"),
    "act": Text("Was geschah", "What happened", "O que aconteceu"),
    "type": Text("Was geschah", "What happened", "O que aconteceu"),
    "actor": Text("Durch", "By", "Por"),
    "step_up": Text("Nachweis", "Proof", "Prova"),
    "re_enrolled_at": Text("Wieder eingerichtet", "Set up again", "Reconfigurado"),
    "seconds_until_re_enrolled": Text("Sekunden bis dahin", "Seconds until then", "Segundos até lá"),
    "details": Text("Einzelheiten", "Details", "Detalhes"),
    "count": Text("Anzahl", "Count", "Quantidade"),
    "what": Text("Ergebnis", "Result", "Resultado"),
    "where": Text("Wo", "Where", "Onde"),
    "sessions": Text("Sitzungen", "Sessions", "Sessões"),
    "sign_ins": Text("Anmeldungen", "Sign-ins", "Acessos"),
    "users": Text("Benutzer", "Users", "Usuários"),
    "told_at": Text("Gemeldet", "Told", "Comunicado"),
    "milliseconds_to_effect": Text("Millisekunden bis dahin", "Milliseconds until then", "Milissegundos até lá"),
    "receipts": Text("Quittungen", "Receipts", "Recibos"),
    "requirement": Text("Forderung", "Requirement", "Exigência"),
    "roles": Text("Rollen", "Roles", "Funções"),
    "from_at": Text("Ab", "From", "A partir de"),
    "networks": Text("Netze", "Networks", "Redes"),
    "grace_days": Text("Schonfrist (Tage)", "Grace (days)", "Carência (dias)"),
    "order_hours": Text("Zum Einrichten (Stunden)", "To set it up (hours)", "Para configurar (horas)"),
    "password_max_age_days": Text("Kennwort gilt (Tage)", "Password age (days)", "Validade da senha (dias)"),
    "name": Text("Name", "Name", "Nome"),
    "scopes": Text("Befugnisse", "Scopes", "Escopos"),
    "expires_at": Text("Läuft ab", "Expires", "Expira"),
    "created_at": Text("Angelegt", "Created", "Criado"),
    "created_by": Text("Angelegt von", "Created by", "Criado por"),
    "token_since": Text("Token seit", "Token since", "Token desde"),
    "ended_at": Text("Beendet", "Ended", "Encerrado"),
    "ended_by": Text("Beendet von", "Ended by", "Encerrado por"),
    **{name: NUMBERS[name] for name in ("inactive", "on", "enrolment_required", "off", "exempt", "locked")},
    "administrators_without_factor": NUMBERS["administrators_without_factor"],
    "rests_on": Text("Belege", "Rests on", "Comprovantes"),
}

# Values that have a name; others stand as they are.
VALUES: Final = {
    "on": Text("ein", "on", "ativo"),
    "off": Text("aus", "off", "inativo"),
    "enrolment_required": Text("Einrichtung steht aus", "awaiting enrolment", "aguardando configuração"),
    "active": Text("aktiv", "active", "ativa"),
    "not_yet_active": Text("noch nicht aktiv", "not yet active", "ainda não ativa"),
    "expired": Text("abgelaufen", "expired", "expirado"),
    "deactivated": Text("deaktiviert", "deactivated", "desativada"),
    "user": Text("Benutzer", "user", "usuário"),
    "administrator": Text("Administration", "administrator", "administração"),
    "security_officer": Text("Sicherheitsbeauftragte", "security officer", "segurança"),
    "auditor": Text("Revision", "auditor", "auditoria"),
    "operator": Text("Betrieb", "operator", "operação"),
    "provider_auditor": Text("Revision des Anbieters", "provider's auditor", "auditoria do provedor"),
    "provider": Text("Anbieter", "provider", "provedor"),
    "client": Text("Programm", "program", "programa"),
    "system": Text("System", "system", "sistema"),
    "anonymous": Text("nicht angemeldet", "not signed in", "sem acesso"),
    "role": Text("Rolle", "role", "função"),
    "company": Text("Unternehmen", "company", "empresa"),
    "network": Text("Netz", "network", "rede"),
    "exempt": Text("ausgenommen", "exempt", "isento"),
    "required": Text("Pflicht", "required", "exigido"),
    "optional": Text("freiwillig", "optional", "opcional"),
    "required_for_roles": Text("Pflicht für Rollen", "required for roles", "exigido para funções"),
    "required_outside_trusted_networks": Text(
        "Pflicht außerhalb der Netze", "required outside the networks", "exigido fora das redes"
    ),
    "enabled": Text("eingeschaltet", "enabled", "ativado"),
    "replaced": Text("ersetzt", "replaced", "substituído"),
    "imported": Text("übernommen", "imported", "importado"),
    "reset": Text("zurückgesetzt", "reset", "redefinido"),
    "disabled": Text("ausgeschaltet", "disabled", "desativado"),
    "ordered": Text("angeordnet", "ordered", "ordenado"),
    "order_withdrawn": Text("Anordnung zurückgenommen", "order withdrawn", "ordem retirada"),
    "exception_inherit": Text("Ausnahme beendet", "exception ended", "exceção encerrada"),
    "exception_required": Text("Pflicht für dieses Konto", "required for this account", "exigido para esta conta"),
    "exception_exempt": Text("ausgenommen", "exempted", "isentado"),
    "unlocked": Text("entsperrt", "unlocked", "desbloqueado"),
    "recovery_codes_issued": Text(
        "Wiederherstellungscodes ausgegeben", "recovery codes issued", "códigos de recuperação emitidos"
    ),
    "recovery_code_used": Text("Wiederherstellungscode benutzt", "recovery code used", "código de recuperação usado"),
    "break_glass_issued": Text("Notfallcode ausgegeben", "break-glass code issued", "código de emergência emitido"),
    "break_glass_used": Text("Notfallcode benutzt", "break-glass code used", "código de emergência usado"),
    "live": Text("gültig", "live", "válido"),
    "revoked": Text("widerrufen", "revoked", "revogado"),
    "ended_by_suspension": Text("durch Aussetzung beendet", "ended by a suspension", "encerrado por suspensão"),
    "otp": Text("Einmalcode", "one-time code", "código único"),
    "password": Text("Kennwort", "password", "senha"),
    "recovery_code": Text("Wiederherstellungscode", "recovery code", "código de recuperação"),
    "wrong": Text("falsch", "wrong", "errado"),
    "used": Text("schon benutzt", "used already", "já usado"),
    "not_evaluated": Text("nicht geprüft", "not evaluated", "não avaliado"),
    "unreadable": Text("Schlüssel unlesbar", "key unreadable", "chave ilegível"),
    "throttled": Text("gedrosselt", "throttled", "limitado"),
    "paused": Text("Pause", "paused", "pausa"),
    "locked": Text("gesperrt", "locked", "bloqueado"),
    "closed": Text("geschlossen", "closed", "fechado"),
    "sign_in": Text("Anmeldung", "sign-in", "acesso"),
    "session": Text("Sitzung", "session", "sessão"),
}

ERASED: Final = Text("gelöscht", "erased", "apagado")
YES: Final = Text("ja", "yes", "sim")
NO: Final = Text("nein", "no", "não")
TABLE: Final = Text("Alle Zeilen", "All rows", "Todas as linhas")
IN_NUMBERS: Final = Text("In Zahlen", "In numbers", "Em números")
NOTHING: Final = Text("In dieser Zeit war nichts zu berichten.", "There was nothing to report.", "Nada a relatar.")
SHORTENED: Final = Text(
    "Hier stehen die ersten {shown} von {all} Zeilen; alle stehen in der angehängten Datei.",
    "The first {shown} of {all} rows are shown; all of them are in the attached file.",
    "São mostradas as primeiras {shown} de {all} linhas; todas estão no arquivo anexo.",
)
VERIFY: Final = Text("So prüfen Sie diesen Bericht", "How to verify this", "Como verificar este relatório")
VERIFY_STEPS: Final = (
    Text(
        "Diese Datei trägt die Einträge, auf denen jede Zeile beruht, und einen signierten Prüfpunkt des Protokolls.",
        "This file carries the entries that each row rests on, and a signed checkpoint of the log.",
        "Este arquivo contém as entradas em que cada linha se baseia e um ponto de verificação assinado do registro.",
    ),
    Text(
        "„factorlog verify DATEI --vkey SCHLÜSSEL“ prüft sie ohne Netz und ohne unseren Dienst.",
        "“factorlog verify FILE --vkey KEY” checks them without a network and without our service.",
        "“factorlog verify ARQUIVO --vkey CHAVE” verifica tudo sem rede e sem o nosso serviço.",
    ),
    Text(
        "Den öffentlichen Schlüssel erhalten Sie unter /v1/log/key; vergleichen Sie ihn auf einem zweiten Weg.",
        "The public key is at /v1/log/key; compare it over a second channel.",
        "A chave pública está em /v1/log/key; compare-a por um segundo canal.",
    ),
)
SHEETS: Final = {
    "report": Text("Bericht", "Report", "Relatório"),
    "rows": Text("Zeilen", "Rows", "Linhas"),
}
