"""What deploy.py needs beside the values and the steps."""
