"""What may still change its form: modules by name, `bevel.experimental.jet`."""
