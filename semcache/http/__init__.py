"""HTTP: the FastAPI app, its routes, access and metrics. Knows the service; knows no Redis, FAISS or model."""
