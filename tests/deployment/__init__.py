"""The deployment files, rendered and checked without the cloud."""
