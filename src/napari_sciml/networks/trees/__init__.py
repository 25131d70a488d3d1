"""Two stages of decision trees on channels of classical filters."""
