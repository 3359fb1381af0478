"""What the scripts of this folder ask for."""

from typing import Literal

from pydantic import BaseModel

question = "What is the weather in Paris?"
messages = [{"role": "user", "content": question}]


class Town(BaseModel):
    """A town."""

    name: Literal["Paris", "Rome"]
    warm: bool


def weather(city: Literal["Paris", "Rome"]) -> str:
    """Tells the weather.

    Args:
        city: The city.
    """
    return f"It is sunny in {city}."


weather_schema = {
    "name": "weather",
    "description": "Tells the weather.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"enum": ["Paris", "Rome"]}},
        "required": ["city"],
    },
}
