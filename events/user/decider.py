"""The rules of one portal user: every wish has an answer, none of them an exception."""

from typing import assert_never

from events.decision import Decision, Refusal, refused
from events.user import administration, own_security, sign_in
from events.user import commands as wishes
from events.user.events import UserEvent
from events.user.state import UserState


def decide(state: UserState, command: wishes.UserCommand) -> Decision[UserEvent]:  # noqa: C901 - a dispatch
    """Facts or a refusal. Pure: no clock, no randomness, no I/O, no exception."""
    if not isinstance(command, wishes.CreateUser) and (not state.exists or state.erased):
        return refused(Refusal.NOT_FOUND)
    match command:
        case wishes.StartSignIn():
            return sign_in.start(state, command)
        case wishes.ProveSignIn():
            return sign_in.prove(state, command)
        case wishes.SetExpiredPassword():
            return sign_in.set_expired_password(state, command)
        case wishes.CancelSignIn():
            return sign_in.cancel(state, command)
        case wishes.StartEnrolment():
            return own_security.start_enrolment(state, command)
        case wishes.ConfirmEnrolment():
            return own_security.confirm_enrolment(state, command)
        case wishes.CancelEnrolment():
            return own_security.cancel_enrolment(state, command)
        case wishes.ResetOwnKey():
            return own_security.reset_own_key(state, command)
        case wishes.DisableOwnFactor():
            return own_security.disable_own_factor(state, command)
        case wishes.IssueRecoveryCodes():
            return own_security.issue_recovery_codes(state, command)
        case wishes.StepUp():
            return own_security.step_up(state, command)
        case wishes.RejectSessionPassword():
            return own_security.reject_session_password(state, command)
        case wishes.ChangeOwnPassword():
            return own_security.change_own_password(state, command)
        case wishes.EndSessions():
            return own_security.end_sessions(state, command)
        case wishes.SignOut():
            return own_security.sign_out(state, command)
        case wishes.CreateUser():
            return administration.create(state, command)
        case wishes.ChangeUser():
            return administration.change(state, command)
        case wishes.DeactivateUser():
            return administration.deactivate(state, command)
        case wishes.ReactivateUser():
            return administration.reactivate(state, command)
        case wishes.ExpireUser():
            return administration.expire(state, command)
        case wishes.ChangeNetworks():
            return administration.change_networks(state, command)
        case wishes.OverridePolicy():
            return administration.override_policy(state, command)
        case wishes.IssueBreakGlassCode():
            return administration.issue_break_glass_code(state, command)
        case wishes.ImportKey():
            return administration.import_key(state, command)
        case wishes.EraseUser():
            return administration.erase(state, command)
        case wishes.ExportOwnData():
            return own_security.export_own_data(state, command)
        case wishes.VoidCredentials():
            return administration.void_credentials(state, command)
        case wishes.OrderEnrolment():
            return administration.order_enrolment(state, command)
        case wishes.ResetKey():
            return administration.reset_key(state, command)
        case wishes.DisableFactor():
            return administration.disable_factor(state, command)
        case wishes.UnlockFactor():
            return administration.unlock(state, command)
        case wishes.ResetPassword():
            return administration.reset_password(state, command)
        case wishes.RecordDenial():
            return administration.record_denial(state, command)
        case _:
            assert_never(command)
