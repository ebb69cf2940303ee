/dev/fd/3: line 146: plan: command not found
