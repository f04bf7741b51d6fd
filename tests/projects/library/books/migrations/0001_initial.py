from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Book",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("file", models.FileField(upload_to="books/")),
                ("words", models.PositiveIntegerField(editable=False, null=True)),
                ("added", models.DateTimeField(auto_now_add=True)),
                ("told", models.BooleanField(default=False, editable=False)),
            ],
            options={"ordering": ["-added"]},
        ),
    ]
