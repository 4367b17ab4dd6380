"""What gunicorn serves: ``gunicorn wsgi:app``."""

from app import create_app
from config.settings import load_settings

app = create_app(load_settings())
