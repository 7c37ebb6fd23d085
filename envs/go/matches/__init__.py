"""Matches between two sides, agents or programs that speak GTP, with our board as the referee.

`sides` are who plays, `referee` plays one game, and `series` plays all of them.
"""
