"""The pages for trainers and managers: server-rendered, a client of the HTTP API that knows nothing else of ours."""
