"""Kinds of what has to happen outside because of a fact."""

from enum import StrEnum


class EffectKind(StrEnum):
    REVOKE_SESSIONS = "revoke_sessions"
    NOTIFY_USER = "notify_user"
    NOTIFY_ADMINISTRATORS = "notify_administrators"
    SIGN_EVERYONE_OUT = "sign_everyone_out"
    BUILD_REPORT = "build_report"
    FORGET_PERSON = "forget_person"
