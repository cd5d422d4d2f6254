"""Training, search and export of models; torch lives here, and the live app never imports it."""
