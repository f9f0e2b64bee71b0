"""The API of ChatApp (CAMS): its operations, the call, the connection, and what answers mean."""
