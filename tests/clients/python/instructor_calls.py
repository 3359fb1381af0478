"""instructor's modes for OpenAI's client."""

import instructor
from openai import OpenAI
from pydantic import BaseModel
from town import Town, messages


class Note(BaseModel):
    """Every JSON object is one: the mode JSON asks for a schema only in its prompt."""

    title: object = None


def instructor_output(base_url, model, mode, stream):
    client = instructor.from_openai(
        OpenAI(base_url=base_url, api_key="none", max_retries=0), mode=instructor.Mode[mode]
    )
    completions = client.chat.completions
    answer = (completions.create_partial if stream else completions.create)(
        model=model,
        messages=[{"role": "system", "content": "You describe towns."}, *messages],
        response_model=Note if mode == "JSON" else Town,
        temperature=0,
        seed=1,
        max_tokens=250,
        max_retries=0,
    )
    return (list(answer)[-1] if stream else answer).model_dump()
