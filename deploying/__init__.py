"""What deploy.py runs: deployment.py has the steps in their order."""
