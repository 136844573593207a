"""Compliance reports: ordered, looked at, fetched."""

from services.api import answers, models
from services.api.content import Content
from services.api.endpoint import Context
from services.api.problems import invalid, problem
from services.application.reports.orders import Asked
from services.reports.files import FileFormat, file_of
from services.reports.pdf import PdfFailed, PdfMissing


async def order_report(context: Context, body: models.ReportBody) -> models.Report:
    asked = Asked(kind=body.kind, as_of=body.as_of, from_at=body.from_at, to_at=body.to_at)
    return answers.report(await context.app.reports.order(context.caller, asked))


async def list_reports(context: Context) -> models.ReportList:
    query: models.PageQuery = context.query
    before = answers.read_position(query.cursor)
    return answers.report_list(await context.app.reports.page(context.caller, query.limit + 1, before), query.limit)


async def read_report(context: Context) -> models.Report:
    return answers.report(await context.app.reports.find(context.caller, context.path["report_id"]))


async def read_report_file(context: Context) -> Content:
    query: models.ReportFileQuery = context.query
    report, lines = await context.app.reports.content(context.caller, context.path["report_id"])
    try:
        made = await file_of(lines, FileFormat(query.format), report.language)
    except PdfMissing as error:
        raise invalid(["query", "format"], "PDF is not installed here", "not_installed") from error
    except PdfFailed as error:
        raise problem("unavailable", Retry_After="30") from error
    return Content(kind=made.content_type, body=made.content, filename=made.name)
