package simulator

func (c *call) post() (answer, error)   { return answer{}, notAllowed("POST", c.path[0].name) }
func (c *call) patch() (answer, error)  { return answer{}, notAllowed("PATCH", c.path[0].name) }
func (c *call) delete() (answer, error) { return answer{}, notAllowed("DELETE", c.path[0].name) }
