"""What options there are and what they take, for people: read from the option files and from the code they name."""
