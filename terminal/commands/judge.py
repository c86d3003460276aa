"""`ftt judge test`: is the model that [judge] names good enough to lead?"""

import argparse
from functools import partial

from feeds.llm_prompt import Said
from terminal.cli import DONE, FAILED, CommandError
from terminal.commands import out
from terminal.commands.common import configured_judge
from terminal.commands.judge_exam import Paper, Result, sit
from terminal.engine.llm_judge import Bench, bench


def run(arguments: argparse.Namespace) -> int:
    """Ask ten questions, score them, and say what the model may be trusted with."""
    judge, settings = configured_judge(arguments, "a test")
    with bench(judge, settings) as asked:
        result = sit(partial(_put, asked), lambda: asked.last_refusal)
    if not asked.counts.answered:
        raise CommandError(f"{settings.model} answered nothing: {asked.first_refusal}")
    if arguments.json:
        _say_data(settings.model, asked, result)
    else:
        _say(settings.model, asked, result)
    return DONE if result.fit == "leads" else FAILED


def _put(asked: Bench, paper: Paper) -> tuple[Said, ...] | None:
    return asked.put(paper.name, paper.story, list(paper.questions))


def _say_data(model: str, asked: Bench, result: Result) -> None:
    stories = [
        {
            "name": mark.name,
            "right": mark.right,
            "wrong_directions": mark.wrong_ways,
            "note": mark.note,
        }
        for mark in result.marks
    ]
    out.data(
        {
            "model": model,
            "right": result.right,
            "of": len(result.marks),
            "wrong_directions": result.wrong_ways,
            "verdict": result.fit,
            "sentence": result.sentence,
            "cost": asked.counts.report(),
            "stories": stories,
        }
    )


def _say(model: str, asked: Bench, result: Result) -> None:
    rows = [("right" if m.right else "wrong", m.name, m.note) for m in result.marks]
    out.table(("", "*story", "what was wrong"), rows, "nothing was asked")
    counts = asked.counts
    tokens = counts.prompt_tokens + counts.completion_tokens
    about = "about " if counts.estimated else ""
    out.paragraph(f"{model}: {about}{tokens:,} tokens in {counts.seconds:,.1f} s; {counts.cost()}.")
    out.paragraph(result.sentence, strong=True)
