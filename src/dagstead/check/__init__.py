"""One judgement of a repository: what rules, routing and the build plan find, put together."""
