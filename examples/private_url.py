"""An OpenAI client for a private Function URL, with the AWS credentials of its process.

pip install openai botocore
"""

import os

import httpx2 as httpx  # The openai package before version 3 uses httpx.
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.session import Session
from openai import OpenAI


class SignatureV4(httpx.Auth):
    """Signs each request. The signature takes the place of the key."""

    requires_request_body = True

    def __init__(self, region):
        self.credentials, self.region = Session().get_credentials(), region

    def auth_flow(self, request):
        signed = AWSRequest(request.method, str(request.url), data=request.content)
        SigV4Auth(self.credentials, "lambda", self.region).add_auth(signed)
        request.headers.update(signed.headers.items())
        yield request


# Three lines: an auth that signs, a transport that uses it, and a client.
auth = SignatureV4(os.environ["AWS_REGION"])
transport = httpx.Client(auth=auth, timeout=900)
client = OpenAI(base_url=os.environ["STREAM_URL"] + "v1", api_key="none", http_client=transport)

messages = [{"role": "user", "content": "What is the capital of France?"}]
for chunk in client.chat.completions.create(model="any", messages=messages, stream=True):
    print(chunk.choices[0].delta.content or "", end="")
print()
