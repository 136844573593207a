"""Cells of a CSV file that a person opens with a spreadsheet: A-07, OWASP CSV injection."""

import csv
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.application.csv_cells import csv_lines, plain_cell, safe_cell

FORMULAS = ["=1+1", "+49 30 1234", "-1", "@sum", "\t=1", "\r=1", "\n=1", "＝1+1", "＠sum", "'=1", "''=1"]


@given(st.text())
def test_a_safe_cell_is_no_formula_and_leads_back(text: str) -> None:
    cell = safe_cell(text)
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert plain_cell(cell) == text


@pytest.mark.parametrize("text", FORMULAS)
def test_what_a_spreadsheet_would_run_gets_a_quote_in_front(text: str) -> None:
    assert safe_cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "udo", "'t Hooft", "udo=1", "1-1", "'"])
def test_anything_else_stays_as_it_is(text: str) -> None:
    assert safe_cell(text) == plain_cell(text) == text


@given(st.lists(st.lists(st.text(), min_size=2, max_size=2), max_size=5), st.sampled_from(",;"))
def test_lines_are_read_as_the_cells_that_were_written(rows: list[list[str]], delimiter: str) -> None:
    read = csv.reader(StringIO(csv_lines(rows, delimiter), newline=""), delimiter=delimiter)
    assert [[plain_cell(cell) for cell in row] for row in read] == rows


def test_numbers_stay_numbers_and_nothing_is_an_empty_cell() -> None:
    assert csv_lines([(-1, None, "-1")]) == "-1,,'-1\r\n"
