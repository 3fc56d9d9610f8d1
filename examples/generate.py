from openrouter import OpenRouter
import os

with OpenRouter(
 http_referer="<value>",
 x_open_router_title="<value>",
 x_open_router_categories="<value>",
 api_key=os.getenv("OPENROUTER_API_KEY", ""),
) as open_router:

 res = open_router.embeddings.generate(input="The quick brown fox jumps over the lazy dog", model="openai/text-embedding-3-small")

 # Handle response
 print(res)
