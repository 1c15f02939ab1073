"""Pages for people: drawn on the server, over what the API answers, with plain links and forms and no script."""
