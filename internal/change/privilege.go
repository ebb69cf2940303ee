package change

// depthName is the Web API's name of a depth.
func depthName(depth string) string {
	switch depth {
	case "basic":
		return "Basic"
	case "local":
		return "Local"
	case "deep":
		return "Deep"
	case "global":
		return "Global"
	}
	return "{Basic, Local, Deep or Global}"
}
