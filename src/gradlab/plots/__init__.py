"""Pictures as Plotly figures, one idea a file; import the file you need.

Nothing is imported here, because Plotly takes a while to load and most of Gradlab needs no
picture. Every function takes numbers and returns a themed `plotly.graph_objects.Figure`.
"""
