package scaling

// completeAction ends a lifecycle action. It is over at once, so a second completion finds none, and says so
// with the same code as every other refusal.
// https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CompleteLifecycleAction.html
func (e *Engine) completeAction(r request) (any, error) {
	result := r.Get("LifecycleActionResult")
	if result != Continue && result != Abandon {
		return nil, refusal("LifecycleActionResult must be CONTINUE or ABANDON, it is %q", result)
	}
	a, err := e.active(r)
	if err != nil {
		return nil, err
	}
	a.result = result
	return nil, nil
}

// recordHeartbeat lets a lifecycle action wait for one more timeout from now, within the global timeout.
// https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_RecordLifecycleActionHeartbeat.html
func (e *Engine) recordHeartbeat(r request) (any, error) {
	a, err := e.active(r)
	if err != nil {
		return nil, err
	}
	deadline := e.options.Clock.Now().Add(e.options.Clock.Scale(a.hook.Timeout))
	if deadline.After(a.limit) {
		deadline = a.limit
	}
	a.deadline = deadline
	return nil, nil
}

// active is the lifecycle action that a call means, by token or by instance.
func (e *Engine) active(r request) (*action, error) {
	g, err := e.named(r)
	if err != nil {
		return nil, err
	}
	hook, token, id := r.Get("LifecycleHookName"), r.Get("LifecycleActionToken"), r.Get("InstanceId")
	now := e.options.Clock.Now()
	for _, i := range g.instances {
		waits := i.State == PendingWait || i.State == TerminatingWait
		if !waits || id != "" && i.ID != id {
			continue
		}
		for _, a := range i.actions {
			current := a.result == "" && now.Before(a.deadline) && now.Before(a.limit)
			if current && a.hook.Name == hook && (token == "" && id != "" || a.token == token) {
				return a, nil
			}
		}
	}
	if id != "" {
		return nil, refusal("No active Lifecycle Action found with instance ID %s", id)
	}
	return nil, refusal("No active Lifecycle Action found with token %s", token)
}
