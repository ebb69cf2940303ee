package text

import "fmt"

// Linef formats a message in which each text among the arguments is one line.
func Linef(format string, args ...any) string {
	made := make([]any, len(args))
	for i, arg := range args {
		switch arg := arg.(type) {
		case string:
			made[i] = Line(arg)
		default:
			made[i] = arg
		}
	}
	return fmt.Sprintf(format, made...)
}
