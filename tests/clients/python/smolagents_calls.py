"""smolagents' two kinds of agents, with short system prompts."""

import smolagents
from town import question


@smolagents.tool
def forecast(city: str, days: int | None = None) -> str:
    """Tells the weather.

    Args:
        city: The city.
        days: The number of days.
    """
    return f"It is sunny in {city}."


def run_agent(kind, base_url, model, **options):
    """Runs one step, and the request for a final answer that follows the last step."""
    agent = kind(
        tools=[forecast],
        model=smolagents.OpenAIModel(
            model_id=model,
            api_base=base_url,
            api_key="none",
            client_kwargs={"max_retries": 0},
            temperature=0,
            max_tokens=40,
        ),
        max_steps=1,
        verbosity_level=smolagents.LogLevel.OFF,
        **options,
    )
    agent.prompt_templates["system_prompt"] = "Use the tools."
    answer = agent.run(question)
    steps = [step for step in agent.memory.steps if isinstance(step, smolagents.ActionStep)]
    return {
        "answer": str(answer),
        "calls": [call.name for step in steps for call in step.tool_calls or []],
        "outputs": [str(step.model_output) for step in steps],
        "errors": [str(step.error) for step in steps if step.error],
    }


def smolagents_tools(base_url, model, stream):
    return run_agent(smolagents.ToolCallingAgent, base_url, model, stream_outputs=stream)


def smolagents_code(base_url, model, structured):
    return run_agent(smolagents.CodeAgent, base_url, model, use_structured_outputs_internally=structured)
