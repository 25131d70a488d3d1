"""The same stages on many machines, through Dask's scheduler.

Workers read and write the same files: a shared file system is all that is needed.
"""
