import django.db.models.deletion
import rooms.models
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.CreateModel(
            name="Token",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(default=rooms.models.new_key, max_length=64, unique=True)),
                ("name", models.CharField(max_length=40)),
                ("created", models.DateTimeField(auto_now_add=True)),
            ],
        ),
        migrations.CreateModel(
            name="Post",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("room", models.SlugField()),
                ("body", models.CharField(max_length=500)),
                ("author", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="rooms.token")),
            ],
        ),
    ]
