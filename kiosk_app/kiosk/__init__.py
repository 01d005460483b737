"""The kiosk window: its pages and the flow from a patient's touch to the ticket."""
