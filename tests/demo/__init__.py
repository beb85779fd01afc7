"""`make demo`: a cluster, the image, the chart, and the sample Tasks until each is SUCCESS. The end-to-end tests share
how a cluster is found and how the image gets there.
"""
