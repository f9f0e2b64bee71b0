"""The API of ChatApp (CAMS): one signed call, sent by this package, and what its answer means."""
