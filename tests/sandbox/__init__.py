"""A CAMS gateway and a Function Compute on loopback, to run the function against."""
