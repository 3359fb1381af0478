"""The frameworks that call tools and want typed outputs, in one process: their imports take seconds."""

from calls import serve
from instructor_calls import instructor_output
from litellm_calls import litellm_turns
from openai_agents_calls import openai_agents
from pydantic_ai_calls import pydantic_ai_output, pydantic_ai_tool
from smolagents_calls import smolagents_code, smolagents_tools

serve(
    instructor_output,
    litellm_turns,
    openai_agents,
    pydantic_ai_output,
    pydantic_ai_tool,
    smolagents_code,
    smolagents_tools,
)
