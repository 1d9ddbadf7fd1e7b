project = "Notes on normalization"
html_static_path = ["_static"]
html_js_files = [("normlab/normlab-element.js", {"type": "module"})]
