"""Requests to what was deployed: typed, judged before they are sent, and the tests and measurements made of them."""
