"""The demo: its photos and its person, what it runs, and the contact sheet that shows what came out."""
