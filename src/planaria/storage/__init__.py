"""Object stores behind one small contract (`contract.Store`), and wrappers that hold the store they wrap."""
