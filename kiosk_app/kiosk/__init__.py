"""A patient's touch: from the welcome page to the ticket."""
