"""What a chapter needs around its story: parameters, tables, figures, the ledger, files and kept runs."""
